/* Who asks, and whether they may: Kubernetes' rules for an API server that trusts kube-apiserver
 * (k8s.io/apiserver's delegated authentication and authorization).
 *
 * Authenticates by front proxy headers, client certificate, bearer token (TokenReview), anonymous;
 * authorizes by SubjectAccessReview. Answers of kube-apiserver are kept for a while, yes and no,
 * never errors; one question is asked once at a time, however many wait for it. When
 * kube-apiserver does not answer, nobody new gets in.
 *
 * Here is what there is once, in main's loop: whom to believe, and what kube-apiserver is asked.
 * Each serving loop judges its requests at a desk of its own (access_desk.h). */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "aggregator/access/access_desk.h"
#include "aggregator/kube/kube_client.h"
#include "base/error.h"
#include "base/string_list.h"
#include "base/telemetry.h"
#include "base/work_queue.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TTL_NS 10000000000ULL /* k8s.io/apiserver: 10 s for every one of them */

/* Bounds; what is beyond is refused (429 at the API) or the oldest entry given up, and counted. */
#define ACCESS_MAX_CACHED       16384 /* answers, of each kind: half of them in main's loop, */
#define ACCESS_MAX_CACHED_BYTES (32U << 20) /* copies of them at the desks */
#define ACCESS_MAX_REVIEWS      50   /* questions under way at kube-apiserver, of each kind */
#define ACCESS_MAX_WAITING      2048 /* who wait for one of them, of each kind */

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

/* Questions under way are forgotten without an answer. After its desks, and before the client. NULL
 * is fine. */
void access_free(struct access *access);

/* Whether it is known whom to believe: the ConfigMap was read, or the flags say everything. Any
 * thread. */
bool access_loaded(const struct access *access);

/* Where the requests of one serving loop are judged, of `share` in all: the bounds of what is kept
 * are divided. `loop` is the loop's queue; the base given to access_new() must run. Made and freed
 * in main's thread: see access_desk.h. NULL when memory is short. */
struct access_desk *access_open_desk(
	struct access *access, struct work_queue *loop, uint32_t share);

#endif
