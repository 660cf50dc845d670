/* Who asks, and whether they may: Kubernetes' rules for an API server that trusts kube-apiserver
 * (k8s.io/apiserver's delegated authentication and authorization).
 *
 * Authenticates by front proxy headers, client certificate, bearer token (TokenReview), anonymous;
 * authorizes by SubjectAccessReview. Answers of kube-apiserver are kept for a while, yes and no,
 * never errors; one question is asked once at a time, however many wait for it. When
 * kube-apiserver does not answer, nobody new gets in. Belongs to the API's loop. */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "aggregator/kube/auth_config.h"
#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/reviews.h"
#include "aggregator/kube/user.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/keyvalq_struct.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TTL_NS 10000000000ULL /* k8s.io/apiserver: 10 s for every one of them */

/* Bounds; what is beyond is refused (429 at the API) or the oldest entry given up, and counted. */
#define ACCESS_MAX_CACHED  16384 /* answers, of each kind */
#define ACCESS_MAX_REVIEWS 100   /* questions under way at kube-apiserver */
#define ACCESS_MAX_WAITING 4096  /* who wait for one of them */
#define ACCESS_MAX_TOKEN   16384 /* bytes; a longer one is nobody's */

struct access_options {
	/* Standalone: who shows it is system:masters, and nobody else is let in. NULL: Kubernetes.
	 */
	const char *token;

	/* Of Kubernetes. Files and lists given here win over what the ConfigMap says; NULL, "" or
	 * an empty list: the ConfigMap's; but beside a requestheader_ca_file an empty list is
	 * Kubernetes' default (X-Remote-User, X-Remote-Uid, X-Remote-Group, X-Remote-Extra-, any
	 * name). Files are read again when they change. */
	struct kube_client *client;
	struct event_base *base;
	const char *client_ca_file;
	const char *requestheader_ca_file;
	struct string_list username_headers, uid_headers, group_headers, extra_prefixes;
	struct string_list allowed_names;
	struct string_list
		always_allow_paths; /* besides /healthz, /livez, /readyz; "/x*" = below */
	uint64_t token_ttl_ns, allow_ttl_ns, deny_ttl_ns; /* 0: ACCESS_TTL_NS */
	uint32_t max_reviews, max_waiting; /* 0: ACCESS_MAX_REVIEWS, ACCESS_MAX_WAITING */
	struct telemetry *telemetry;
};

struct access;

/* Starts to watch the ConfigMap. NULL and a message: a CA file that can't be read, memory. Copies
 * what it needs; client, base and telemetry must outlive it. */
struct access *access_new(const struct access_options *options, struct error *err);

/* Questions under way are forgotten without an answer. After the API, whose connections have
 * peers, and before the client. NULL is fine. */
void access_free(struct access *access);

/* Whether it is known whom to believe: the ConfigMap was read, or the flags say everything. */
bool access_loaded(const struct access *access);

/* True for exactly /healthz, /livez and /readyz. */
bool access_is_probe(const char *path);

/* True for a path that is answered without asking who asks, whatever they show: standalone's
 * /healthz, /livez and /readyz. Kubernetes has none: a bad credential is 401 there, too. */
bool access_is_public(const struct access *access, const char *path);

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
 * a zero one. *ret_pending is what access_cancel()
 * takes, NULL when the answer is given at once; it is written before that. `tls` is the
 * connection's, its certificate is not verified yet. `headers` must live until the answer. */
struct access_pending;
typedef void (*access_authenticated)(
	void *context, enum access_result result, struct user *user, const char *reason);
void access_authenticate(struct access *access, SSL *tls, struct access_peer *peer,
	const struct evkeyvalq *headers, access_authenticated on_result, void *context,
	struct access_pending **ret_pending);

/* --- whether they may ------------------------------------------------------------------------- */

/* As above; `attributes`, their user and texts must live until the answer. */
typedef void (*access_authorized)(void *context, enum access_result result, const char *reason);
void access_authorize(struct access *access, const struct access_attributes *attributes,
	access_authorized on_result, void *context, struct access_pending **ret_pending);

/* Nobody waits for the answer any more. */
void access_cancel(struct access_pending *pending);

#endif
