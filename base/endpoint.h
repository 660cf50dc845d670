/* The urls of the wire, as flags give them: tls+tcp://host:port, ipc:///path, tcp://host:port.
 *
 * NNG takes nearly anything and fails when it connects; a flag should fail when it is read. */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum endpoint_kind {
	ENDPOINT_TLS,
	ENDPOINT_TCP,
	ENDPOINT_IPC,
};

#define ENDPOINT_MAX_HOST 253 /* a DNS name */
#define ENDPOINT_MAX_PATH 107 /* sun_path of unix(7) less its NUL */

struct endpoint {
	enum endpoint_kind kind;
	char host[ENDPOINT_MAX_HOST + 1]; /* without brackets; "*" = every address; "" for ipc */
	uint16_t port;                    /* 0 = any, for who listens */
	char path[ENDPOINT_MAX_PATH + 1]; /* absolute; "" but for ipc */
};

/* 0, or -EINVAL with a message that names the url and what is wrong: another scheme, no host, no
 * port, something behind the port, a path that is relative or too long, tcp:// without `insecure`.
 * *ret_endpoint is written on success only. */
int endpoint_parse(
	const char *url, bool insecure, struct endpoint *ret_endpoint, struct error *err);

#endif
