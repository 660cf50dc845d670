#include "agent/export_device.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/dev/"

static int is_disk(const struct dirent *entry)
{
	static const char *const OTHERS[] = {
		".", "loop", "dm-", "md", "ram", "zram", "sr", "fd", "nbd"};

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (strncmp(entry->d_name, OTHERS[i], strlen(OTHERS[i])) == 0)
			return 0;
	return strpbrk(entry->d_name, "\"\\\n") == NULL;
}

const char *export_device(const char *folder, char ret_device[EXPORT_DEVICE_SIZE])
{
	struct dirent **disks;
	int count = scandir(folder, &disks, is_disk, alphasort);
	size_t length = strlen(PREFIX);
	bool full = false;

	(void)snprintf(ret_device, EXPORT_DEVICE_SIZE, "%s", PREFIX);
	for (int i = 0; i < count; i++) {
		int size = snprintf(NULL, 0, "%s%s", i > 0 ? "+" : "", disks[i]->d_name);

		full |= length + (size_t)size >= EXPORT_DEVICE_SIZE;
		if (!full)
			length += (size_t)snprintf(ret_device + length, EXPORT_DEVICE_SIZE - length,
				"%s%s", i > 0 ? "+" : "", disks[i]->d_name);
		free(disks[i]);
	}
	if (count >= 0)
		free(disks);
	if (length == strlen(PREFIX))
		(void)snprintf(ret_device, EXPORT_DEVICE_SIZE, "all");
	return ret_device;
}
