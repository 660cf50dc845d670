#include "base/socket_scan.h"

#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* The three calls that say whether `fd` is a connected TCP socket, the rarest answer first. */
static int describe(int fd, struct socket_scan_entry *entry)
{
	socklen_t size = sizeof(entry->peer);
	int type = 0;

	memset(entry, 0, sizeof(*entry));
	entry->fd = fd;
	if (getpeername(fd, (struct sockaddr *)&entry->peer, &size) < 0)
		return -errno;
	if (entry->peer.ss_family != AF_INET && entry->peer.ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	size = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return -EPROTOTYPE;
	size = sizeof(entry->local);
	if (getsockname(fd, (struct sockaddr *)&entry->local, &size) < 0)
		return -errno;
	return 0;
}

static bool matches(const struct address *wanted, const struct sockaddr_storage *has)
{
	struct address address;

	if (!wanted || wanted->family == AF_UNSPEC)
		return true;
	address = address_of_socket(has);
	return memcmp(&address, wanted, sizeof(address)) == 0;
}

int socket_scan(const struct address *local, const struct address *peer,
	void (*found)(void *context, const struct socket_scan_entry *entry), void *context)
{
	DIR *fds = opendir("/proc/self/fd");
	const struct dirent *name;

	if (!fds)
		return -errno;
	while ((name = readdir(fds))) {
		struct socket_scan_entry entry;
		uint64_t fd;

		if (number_parse(name->d_name, strlen(name->d_name), &fd) < 0 || fd > INT_MAX)
			continue; /* "." and ".." */
		if (describe((int)fd, &entry) == 0 && matches(local, &entry.local) &&
			matches(peer, &entry.peer))
			found(context, &entry);
	}
	(void)closedir(fds);
	return 0;
}
