/* agent/cgroup_file: any bytes in place of the kernel's. The first says which parser. */
#include "agent/cgroup_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY(text, largest)                      \
	{                                       \
		text, sizeof(text) - 1, largest \
	}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cgroup_file_key KEYS[] = {KEY("usage_usec", false),
		KEY("inactive_file", false), KEY("rbytes", false), KEY("avg_lat", true),
		KEY("some", false), KEY("full", false)};
	enum { COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };
	struct cgroup_file_result result = {0};
	uint64_t values[COUNT] = {0}, value = 0;
	const char *text = (const char *)data + 1;

	if (size == 0)
		return 0;
	size--;
	switch (data[0] % 5) {
	case 0:
		(void)cgroup_file_number(text, size, &value);
		break;
	case 1:
		(void)cgroup_file_limit(text, size, &value);
		break;
	case 2:
		result = cgroup_file_flat(text, size, KEYS, COUNT, values);
		break;
	case 3:
		result = cgroup_file_nested(text, size, KEYS, COUNT, values);
		break;
	default:
		result = cgroup_file_pressure(text, size, KEYS, COUNT, values);
		break;
	}
	/* no bit of a key that there is none of; and what was not found was left alone */
	if ((result.found | result.malformed | result.too_large) >> COUNT)
		abort();
	for (int i = 0; i < COUNT; i++)
		if (values[i] && !(result.found >> i & 1))
			abort();
	return 0;
}
