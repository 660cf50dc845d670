/* Where one serving loop judges who asks, and whether they may. What it was told of a moment ago it
 * knows itself, without a lock; what it does not know it asks main's loop, where kube-apiserver is
 * asked (inquiry.h). Belongs to its loop. */
#ifndef ACCESS_ACCESS_DESK_H
#define ACCESS_ACCESS_DESK_H

#include "aggregator/access/inquiry.h"
#include "aggregator/kube/access_attributes.h"
#include "aggregator/kube/user.h"
#include "base/telemetry.h"

#include <event2/keyvalq_struct.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#define ACCESS_MAX_TOKEN 16384 /* bytes; a longer one is nobody's */

struct access_tally;
struct open_paths;
struct review_keys;
struct trust;

/* What all desks share; access_open_desk() fills it in. */
struct access_desk_options {
	const char *token; /* standalone's; of what follows only paths and tally then */
	const struct open_paths *open_paths;
	const struct access_tally *tally;
	struct trust *trust;
	const struct review_keys *keys; /* copied */
	struct inquiry_way way;
	size_t max_cached, max_cached_bytes; /* of each kind */
	struct telemetry *telemetry;
};

struct access_desk;

/* All of the options must outlive it. NULL when memory is short. */
struct access_desk *access_desk_new(const struct access_desk_options *options);

/* In the thread of main's loop, when the desk's own loop does not run any more and nobody waits:
 * all that was pending was cancelled. NULL is fine. */
void access_desk_free(struct access_desk *desk);

/* True for a path that is answered without asking who asks, whatever they show: standalone's
 * /healthz, /livez and /readyz. Kubernetes has none: a bad credential is 401 there, too. */
bool access_desk_is_public(const struct access_desk *desk, const char *path);

/* --- who asks --------------------------------------------------------------------------------- */

/* Of one connection: what was found out about its certificate, until the CAs change or it expires.
 * access_peer_new() (NULL: memory is short) and access_peer_free() with the connection. */
struct access_peer;
struct access_peer *access_peer_new(void);
void access_peer_free(struct access_peer *peer);

enum access_result {
	ACCESS_YES,
	ACCESS_NO,     /* 401, or 403 */
	ACCESS_FAILED, /* kube-apiserver gave no answer: 401 for who asks, 500 for whether they may
			*/
	ACCESS_BUSY,   /* too many wait: 429 */
};

/* Calls back once: from within the call when the answer is at hand, otherwise later from the loop.
 * `user` (of a yes) and `reason` live in the callback only; it may take what the user has and leave
 * a zero one. *ret_pending is what
 * access_desk_cancel() takes, NULL when the answer is given at once; it is written before that.
 * `tls` is the connection's, its certificate is not verified yet. `headers` must live until the
 * answer. */
struct access_pending;
typedef void (*access_authenticated)(
	void *context, enum access_result result, struct user *user, const char *reason);
void access_desk_authenticate(struct access_desk *desk, SSL *tls, struct access_peer *peer,
	const struct evkeyvalq *headers, access_authenticated on_result, void *context,
	struct access_pending **ret_pending);

/* --- whether they may ------------------------------------------------------------------------- */

/* As above; `attributes`, their user and texts must live until the answer. */
typedef void (*access_authorized)(void *context, enum access_result result, const char *reason);
void access_desk_authorize(struct access_desk *desk, const struct access_attributes *attributes,
	access_authorized on_result, void *context, struct access_pending **ret_pending);

/* Nobody waits for the answer any more. */
void access_desk_cancel(struct access_pending *pending);

#endif
