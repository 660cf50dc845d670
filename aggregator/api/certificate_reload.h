/* Takes over a serving certificate that has changed on disk, without closing a connection: living
 * ones keep the old one, the next ones get the new.
 *
 * A pair that can't be used (half written, a key that does not fit) is told in the log at each
 * change, and tried until it can; the old one serves on. Belongs to the server's loop; looks at the
 * files there. */
#ifndef API_CERTIFICATE_RELOAD_H
#define API_CERTIFICATE_RELOAD_H

#include "aggregator/api/server.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>

#define CERTIFICATE_RELOAD_S 1 /* between two looks at the files */

struct certificate_reload_options {
	const char *cert_file, *key_file;
	int tls_min_version; /* see tls_context_new(); 0: TLS1_2_VERSION */
	struct telemetry *telemetry;
};

struct certificate_reload;

/* Takes its first look at the files. NULL when memory is short. */
struct certificate_reload *certificate_reload_new(
	const struct certificate_reload_options *options, struct event_base *base);

/* The files' pair as it is now. NULL and a message when it can't be used. */
SSL_CTX *certificate_reload_first(struct certificate_reload *reload, struct error *err);

/* Hands later ones to the server, which must outlive it. 0 or -ENOMEM. */
int certificate_reload_start(struct certificate_reload *reload, struct server *server);
void certificate_reload_free(struct certificate_reload *reload);

#endif
