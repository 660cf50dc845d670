#include "tests/bench/scale/asker_link.h"

#include "tests/bench/scale/asker_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the place -------------------------------------------------------------------------------- */

static int parse_address(
	struct asker_place *place, const struct asker_options *options, struct error *err)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&place->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&place->address;
	in_port_t port = htons((uint16_t)options->port);

	if (inet_pton(AF_INET, options->address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = port;
		place->address_size = sizeof(*four);
		return 0;
	}
	if (inet_pton(AF_INET6, options->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = port;
		place->address_size = sizeof(*six);
		return 0;
	}
	return error_set(err, EINVAL, "--address: \"%s\" is no IP address", options->address);
}

int asker_place_init(
	struct asker_place *place, const struct asker_options *options, struct error *err)
{
	int r;

	*place = (struct asker_place){.epoll = -1,
		.server_name = options->server_name,
		.receive_buffer = (int)options->receive_buffer};
	r = parse_address(place, options, err);
	if (r < 0)
		return r;
	if (options->mode != ASKER_BOTHER || options->kind != ASKER_SILENT) {
		place->tls = asker_tls_new(options, err);
		if (!place->tls)
			return -EINVAL;
	}
	place->epoll = epoll_create1(EPOLL_CLOEXEC);
	return place->epoll < 0 ? error_errno(err, errno, "epoll_create1") : 0;
}

void asker_place_free(struct asker_place *place)
{
	SSL_CTX_free(place->tls);
	if (place->epoll >= 0)
		(void)close(place->epoll);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_socket(struct asker_link *link, const struct asker_place *place, uint64_t data)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = data};
	int on = 1;

	link->fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	link->state = ASKER_LINK_CONNECTING;
	(void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (place->receive_buffer > 0)
		(void)setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &place->receive_buffer,
			sizeof(place->receive_buffer));
	if (epoll_ctl(place->epoll, EPOLL_CTL_ADD, link->fd, &event) < 0)
		return -errno;
	if (connect(link->fd, (const struct sockaddr *)&place->address, place->address_size) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	return 0;
}

static int open_tls(struct asker_link *link, const struct asker_place *place)
{
	if (!place->tls)
		return 0;
	link->tls = SSL_new(place->tls);
	if (!link->tls || SSL_set_fd(link->tls, link->fd) != 1)
		return -ENOMEM;
	if (place->server_name && (SSL_set_tlsext_host_name(link->tls, place->server_name) != 1 ||
					  SSL_set1_host(link->tls, place->server_name) != 1))
		return -ENOMEM;
	SSL_set_connect_state(link->tls);
	return 0;
}

int asker_link_open(
	struct asker_link *link, const struct asker_place *place, uint64_t data, struct error *err)
{
	int r = open_socket(link, place, data);

	if (r == 0)
		r = open_tls(link, place);
	if (r < 0) {
		asker_link_close(link);
		return error_errno(err, -r, "connecting");
	}
	return 0;
}

/* The socket alone: nobody waits for a close_notify. */
void asker_link_close(struct asker_link *link)
{
	SSL_free(link->tls);
	if (link->state != ASKER_LINK_CLOSED)
		(void)close(link->fd);
	*link = (struct asker_link){0};
}

/* --- shaking hands ---------------------------------------------------------------------------- */

static int finish_connecting(struct asker_link *link, struct error *err)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(int), peer_size = sizeof(peer);
	int error = 0;

	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error != 0)
		return error_errno(err, error, "connecting");
	if (getpeername(link->fd, (struct sockaddr *)&peer, &peer_size) < 0)
		return 0; /* not yet */
	link->state = ASKER_LINK_SHAKING;
	return 1;
}

static int shaking_failed(struct asker_link *link, int reason, struct error *err)
{
	char text[200];
	long verified = SSL_get_verify_result(link->tls);

	if (verified != X509_V_OK) {
		ERR_clear_error();
		return error_set(err, EPROTO, "the server's certificate: %s",
			X509_verify_cert_error_string(verified));
	}
	if (reason == SSL_ERROR_SSL)
		return error_set(
			err, EPROTO, "shaking hands: %s", asker_tls_failure(text, sizeof(text)));
	return error_set(err, ECONNRESET, "shaking hands: the server closed the connection");
}

int asker_link_shake(struct asker_link *link, struct error *err)
{
	int r, reason;

	if (link->state == ASKER_LINK_CONNECTING) {
		r = finish_connecting(link, err);
		if (r <= 0)
			return r;
	}
	if (link->tls) {
		r = SSL_do_handshake(link->tls);
		if (r != 1) {
			reason = SSL_get_error(link->tls, r);
			if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
				return 0;
			return shaking_failed(link, reason, err);
		}
	}
	link->state = ASKER_LINK_OPEN;
	return 1;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static ssize_t failed(const struct asker_link *link, const char *what, struct error *err)
{
	int error = errno, reason = SSL_get_error(link->tls, 0);
	char text[200];

	switch (reason) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return error == 0 ? 0 : error_errno(err, error, "%s", what);
	default:
		if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			return 0; /* without a close_notify */
		}
		return error_set(
			err, EPROTO, "%s: %s", what, asker_tls_failure(text, sizeof(text)));
	}
}

ssize_t asker_link_write(struct asker_link *link, const void *data, size_t size, struct error *err)
{
	size_t written;

	errno = 0;
	return SSL_write_ex(link->tls, data, size, &written) == 1 ? (ssize_t)written
								  : failed(link, "sending", err);
}

ssize_t asker_link_read(struct asker_link *link, void *data, size_t size, struct error *err)
{
	size_t taken;

	errno = 0;
	return SSL_read_ex(link->tls, data, size, &taken) == 1 ? (ssize_t)taken
							       : failed(link, "receiving", err);
}
