/* The flags of the agent's own /metrics: where it listens, and whether figures are safe there. */
#ifndef AGENT_EXPORT_ADDRESS_H
#define AGENT_EXPORT_ADDRESS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* As the flags give them; "" = not given. */
struct export_flags {
	const char *address;                               /* --metrics-address */
	const char *cert_file, *key_file, *client_ca_file; /* --metrics-cert-file and so on */
	bool insecure;                                     /* --insecure-metrics */
};

struct export_address {
	struct sockaddr_storage socket;
	socklen_t size;
	bool loopback; /* nobody from elsewhere can connect */
};

/* "127.0.0.1:9113", "[::1]:9113", "localhost:9113", ":9113" (every address of this machine). 0, or
 * -EINVAL with a message. Port 0 is any that is free. */
int export_address_parse(const char *text, struct export_address *ret_address, struct error *err);

/* Whether these flags may stand together: without TLS nobody but this machine may ask, and TLS is
 * for clients with a certificate, unless told that it is insecure. 0, or -EINVAL with a message
 * that names the flag. Without --metrics-address none of the others may be given. */
int export_flags_check(const struct export_flags *flags, struct error *err);

#endif
