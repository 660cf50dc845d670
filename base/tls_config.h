/* NNG's TLS configs from files, with messages that name the file and what is wrong with it; the
 * files are followed, so that certificates and CAs can be renewed while the program runs. */
#ifndef BASE_TLS_CONFIG_H
#define BASE_TLS_CONFIG_H

#include "base/error.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

struct tls_config;

/* Both register the engine first. 0 or -errno. They block on the disk. */

/* Trusts the CAs of `ca_file` (PEM) only, and verifies that the server is `server_name`. */
int tls_config_client(const char *ca_file, const char *server_name, struct tls_config **ret_config,
	struct error *err);

/* `cert_file` may hold a chain, our own certificate first. Agents are not asked for one. */
int tls_config_server(const char *cert_file, const char *key_file, struct tls_config **ret_config,
	struct error *err);

/* What listeners and dialers were given lives on, but is not renewed any more. NULL is fine. */
void tls_config_free(struct tls_config *config);

/* For NNG_OPT_TLS_CONFIG of any number of listeners or dialers, which hold it themselves. */
nng_tls_config *tls_config_nng(const struct tls_config *config);

/* Looks whether the files have changed, and if so reads them anew: the very next connection uses
 * what is in them; those that there are live on as they are. Call it each second or so: a look is
 * one stat(2) a file.
 *
 * 1: renewed, which is logged; 0: nothing new; -errno: the new files can't be used (half-written, a
 * key of another certificate). Then what was there stays, which is logged once for each change of
 * the files, and every call tries again. Blocks on the disk. One thread at a time. */
int tls_config_refresh(struct tls_config *config);

#endif
