/* One TLS connection, never blocking. Its events come edge-triggered from an epoll instance. */
#ifndef SCALE_ASKER_LINK_H
#define SCALE_ASKER_LINK_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

#include <netinet/in.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all connections have in common. */
struct asker_place {
	struct sockaddr_storage address;
	socklen_t address_size;
	const char *server_name;
	SSL_CTX *tls; /* NULL: TCP alone */
	int receive_buffer;
	int epoll;
};

/* 0, or -errno and a message. asker_place_free() in any case. */
int asker_place_init(
	struct asker_place *place, const struct asker_options *options, struct error *err);
void asker_place_free(struct asker_place *place);

enum asker_link_state {
	ASKER_LINK_CLOSED,
	ASKER_LINK_CONNECTING,
	ASKER_LINK_SHAKING,
	ASKER_LINK_OPEN,
};

/* Zero-initialise. */
struct asker_link {
	enum asker_link_state state;
	int fd;
	SSL *tls;
};

/* Begins to connect; epoll's data is `data`. 0 or -errno with a message. */
int asker_link_open(
	struct asker_link *link, const struct asker_place *place, uint64_t data, struct error *err);
void asker_link_close(struct asker_link *link);

/* Goes on with connecting and shaking hands. 1: it is open now; 0: not yet; -errno and a message.
 */
int asker_link_shake(struct asker_link *link, struct error *err);

/* As write(2) and read(2): bytes, 0 at the end of the connection; -EAGAIN, -ECONNRESET, -EPROTO
 * with a message but for the first. */
ssize_t asker_link_write(struct asker_link *link, const void *data, size_t size, struct error *err);
ssize_t asker_link_read(struct asker_link *link, void *data, size_t size, struct error *err);

#endif
