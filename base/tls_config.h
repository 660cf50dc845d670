/* NNG's TLS configs from files, with messages that name the file and what is wrong with it. */
#ifndef BASE_TLS_CONFIG_H
#define BASE_TLS_CONFIG_H

#include "base/error.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

/* Both register the engine first. 0 or -errno; free the result with nng_tls_config_free(). They
 * block on the disk. */

/* Trusts the CAs of `ca_file` (PEM) only, and verifies that the server is `server_name`. */
int tls_config_client(const char *ca_file, const char *server_name, nng_tls_config **ret_config,
	struct error *err);

/* `cert_file` may hold a chain, our own certificate first. Agents are not asked for one. */
int tls_config_server(const char *cert_file, const char *key_file, nng_tls_config **ret_config,
	struct error *err);

#endif
