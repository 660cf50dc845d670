/* TLS of the agent's /metrics: its certificate, and the CA that who asks must have one of. The
 * files are followed: when they are renewed the next connection uses what is in them, and those
 * that there are live on. */
#ifndef AGENT_EXPORT_TLS_H
#define AGENT_EXPORT_TLS_H

#include "agent/export_address.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <openssl/types.h>

struct export_tls;

/* Reads the files. Without a client CA nobody is asked for a certificate. NULL and a message. */
struct export_tls *export_tls_new(
	const struct export_flags *flags, struct telemetry *telemetry, struct error *err);
void export_tls_free(struct export_tls *tls);

/* Call it each second or so: a look is one stat(2) a file. Files that can't be used (half-written)
 * are logged once a change and tried until they can; what there was serves on. Blocks on the disk.
 */
void export_tls_refresh(struct export_tls *tls);

/* What a new connection begins with; it is export_tls's. */
SSL_CTX *export_tls_context(const struct export_tls *tls);

#endif
