#include "tests/bench/scale/asker_cut.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server's process has closed: its FIN waits behind what nobody reads (FIN_WAIT1, LAST_ACK), or
 * was taken (FIN_WAIT2). */
#define STATES ((1U << TCP_FIN_WAIT1) | (1U << TCP_FIN_WAIT2) | (1U << TCP_LAST_ACK))

struct scan {
	uint16_t server_port;
	void (*found)(void *context, uint16_t client_port);
	void *context;
};

static int ask(int fd, int family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header = {.nlmsg_len = sizeof(message),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = STATES},
	};

	return send(fd, &message, sizeof(message), 0) == (ssize_t)sizeof(message) ? 0 : -errno;
}

/* 1: there is more to come; 0: the end; -errno. */
static int take(const struct scan *scan, const struct nlmsghdr *message, size_t size)
{
	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		const struct inet_diag_msg *socket = NLMSG_DATA(message);

		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return -EPROTO;
		if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(*socket)) &&
			ntohs(socket->id.idiag_sport) == scan->server_port)
			scan->found(scan->context, ntohs(socket->id.idiag_dport));
	}
	return 1;
}

int asker_cut_scan(uint16_t server_port, int family,
	void (*found)(void *context, uint16_t client_port), void *context)
{
	const struct scan scan = {server_port, found, context};
	union {
		struct nlmsghdr header;
		char bytes[32768];
	} answer;
	int fd CLOSE_FD = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return -errno;
	r = ask(fd, family);
	if (r < 0)
		return r;
	for (r = 1; r == 1;) {
		ssize_t size = recv(fd, &answer, sizeof(answer), 0);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return size < 0 ? -errno : -EPROTO;
		r = take(&scan, &answer.header, (size_t)size);
	}
	return r;
}
