/* The serving certificate, taken over when it has changed on disk without closing a connection:
 * living ones keep the old one, the next ones get the new.
 *
 * A pair that can't be used (half written, a key that does not fit) is told in the log at each
 * change, and tried until it can; the old one serves on. Belongs to main's loop, and looks at the
 * files there; any thread may ask for what there is. */
#ifndef API_CERTIFICATE_RELOAD_H
#define API_CERTIFICATE_RELOAD_H

#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <openssl/types.h>

#define CERTIFICATE_RELOAD_S 1 /* between two looks at the files */

struct certificate_reload_options {
	const char *cert_file, *key_file;
	int tls_min_version; /* see tls_context_new(); 0: TLS1_2_VERSION */
	struct telemetry *telemetry;
};

struct certificate_reload;

/* Reads the files, and looks at them from now on. NULL and a message when the pair can't be used,
 * or memory is short. */
struct certificate_reload *certificate_reload_start(
	const struct certificate_reload_options *options, struct event_base *base,
	struct error *err);
void certificate_reload_free(struct certificate_reload *reload);

/* What a new connection begins with; one reference of it is the caller's. Any thread. */
SSL_CTX *certificate_reload_tls(struct certificate_reload *reload);

#endif
