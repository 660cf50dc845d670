/* Listening on one url of the wire. */
#ifndef INGEST_LISTENER_H
#define INGEST_LISTENER_H

#include "base/endpoint.h"
#include "base/error.h"
#include "base/tls_config.h"

#include <nng/nng.h>
#include <stddef.h>
#include <stdint.h>

struct listener_options {
	const char *url;
	const struct endpoint *endpoint;  /* of the url */
	const char *cert_file, *key_file; /* for tls+tcp */
	size_t max_message;               /* bytes; a longer one ends its connection */
};

struct listener {
	nng_listener nng;
	struct tls_config *tls; /* NULL: another kind of url. Refresh it each second or so. */
	uint16_t port;          /* that was bound; 0 for ipc */
};

/* Starts to listen. The ipc file gets mode 0600; a stale one is replaced, a live one or another
 * kind of file is an error. 0 or -errno. */
int listener_open(nng_socket socket, const struct listener_options *options,
	struct listener *ret_listener, struct error *err);

/* Takes no more connections, and removes the ipc file; those that there are live on. */
void listener_close(struct listener *listener);

#endif
