#include "aggregator/ingest/backlog.h"

#include "base/address.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static bool listens_on(int fd, uint16_t port)
{
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(int);
	struct address address;
	int value = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) < 0 || !value)
		return false;
	size = sizeof(local);
	if (getsockname(fd, (struct sockaddr *)&local, &size) < 0)
		return false;
	address = address_of_socket(&local);
	return address.family != AF_UNSPEC && address.port == port;
}

int backlog_raise(uint16_t port, int backlog)
{
	DIR *fds = opendir("/proc/self/fd");
	const struct dirent *name;
	int raised = 0;

	if (!fds)
		return -errno;
	while ((name = readdir(fds))) {
		uint64_t fd;

		if (number_parse(name->d_name, strlen(name->d_name), &fd) < 0 || fd > INT_MAX)
			continue; /* "." and ".." */
		/* listen(2) once more changes the bound alone */
		if (listens_on((int)fd, port) && listen((int)fd, backlog) == 0)
			raised++;
	}
	(void)closedir(fds);
	return raised;
}
