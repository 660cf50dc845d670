/* The latest figures of every node, pod and container; nothing older.
 *
 * One writer (ingest) applies catalogs and samples, another (kube) tells which pods and nodes there
 * are; any number of reader threads walk. A reader holds the store's lock only while its visitor
 * runs over one page, so that a long list never keeps a sample waiting: a visitor returns false
 * when its page is full, and the walk goes on from the cursor under a new hold. The writers take
 * turns, operation by operation.
 *
 * What is served: a node, while its last sample is younger than the expiry and has every node
 * metric in `required`; a pod, when its node's last sample is that young and
 *   - its namespace and name are known and its catalog does not call it incomplete,
 *   - each container that is listed, and there is one, has every container metric in `required`,
 *   - of the pods of its name it is the one whose uid the store heard of last (a StatefulSet's pod
 *     that moved; ties: the lesser uid). The others are not served even when that one is not: what
 *     is known of it is that it replaced them.
 * Containers without a name (a sandbox, when the pod is not called incomplete) are not listed. Of
 * two with one name, the old and the new one of a restart, the later row is.
 *
 * Times: the expiry is taken on the store's own monotonic clock. timestamp_ms is the node's clock,
 * which can be set back: a sample is taken as the newest whatever its timestamp says, for its
 * connection keeps the order. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "aggregator/store/labels.h"
#include "aggregator/store/totals.h"
#include "base/error.h"
#include "base/telemetry.h"
#include "proto/bounds.h"
#include "proto/metric.h"
#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what one node may send; a catalog beyond is refused whole. */
#define STORE_MAX_PODS_PER_NODE       WIRE_MAX_PODS
#define STORE_MAX_CONTAINERS_PER_NODE WIRE_MAX_ROWS
#define STORE_MAX_NAME                253 /* a Kubernetes name: DNS-1123 subdomain */

/* Bounds of an object's labels. Kubernetes' own are a key of 317 bytes (a DNS-1123 subdomain, '/',
 * a name of 63), a value of 63, and a megabyte of all together. */
#define STORE_MAX_LABELS      512
#define STORE_MAX_LABEL_KEY   512
#define STORE_MAX_LABEL_VALUE 256

struct store_options {
	uint64_t expiry_ns;  /* without a message from the node; the store's own monotonic clock */
	uint32_t max_nodes;  /* beyond: refused and counted; the same for nodes' metadata */
	metric_set required; /* without those of its scope, a pod or a node is not served */
	metric_set read;     /* besides them, most visitors read these: they are fetched ahead */
	/* Kubernetes says which pods and nodes there are (store_put_pod() and store_put_node()):
	 * only those are served, under their names and labels. False: what agents name is, and
	 * there is no metadata to be put. */
	bool metadata;
	uint32_t max_pods; /* metadata of pods that is kept; beyond: refused and counted */
	struct telemetry *telemetry;
	uint64_t (*clock)(void); /* the readers' clock; NULL: clock_monotonic_ns() */
};

struct store;

/* An empty store; copies the options but for the telemetry, which must outlive it. NULL and a
 * message when memory is short. No thread may be in a call when it is freed. */
struct store *store_new(const struct store_options *options, struct error *err);
void store_free(struct store *store);

/* --- the writer: one thread at a time --------------------------------------------------------- */

/* Replaces who is measured on `node`. Containers that stay (told by the pod's uid, and their id or,
 * where that is empty, their name) keep their figures until the next sample. 0; -EINVAL (a name
 * that is too long, not UTF-8, or has a control character, '/' or '%' in it; a pod without a uid,
 * two of one uid, two rows of one container; revision 0), -E2BIG (bounds), -ENOSPC (max_nodes),
 * -ENOMEM: then nothing has changed. `now_ns` is CLOCK_MONOTONIC. */
int store_apply_catalog(struct store *store, const char *node, const Tacho__V1__Catalog *catalog,
	uint64_t now_ns, struct error *err);

/* Takes the node's newest figures. 0; -ESTALE (no catalog of that revision: counted), -EINVAL
 * (column lengths, a metric twice), -ENOMEM: then nothing has changed. Columns of unknown metrics
 * are skipped. A metric that the sample does not have is absent from then on. A row whose window is
 * not positive has no figures. */
int store_apply_sample(struct store *store, const char *node, const Tacho__V1__Sample *sample,
	uint64_t now_ns, struct error *err);

/* Frees nodes from which no message was taken for the expiry. Call each second or so. */
void store_expire(struct store *store, uint64_t now_ns);

/* --- Kubernetes' metadata: one thread at a time, which may be another than ingest's -----------
 *
 * With options.metadata a node is served when there is metadata of it, under the labels of that; a
 * pod, when there is metadata of it and of its node, and its cgroup_uid is that of a pod which an
 * agent measures: under the metadata's namespace, name, uid and labels. What the agent calls the
 * pod is ignored. Which of the two comes first does not matter. Of two nodes that measure one uid
 * the first is served until it has the pod no more; of two pods of Kubernetes with one cgroup_uid
 * the one whose uid it is, else the first.
 *
 * A pod costs some 270 bytes with its labels, names and the index (measured with 150,000 pods as
 * they are, tests/bench/bench_metadata.c); labels that its owner's pods share are kept once. */

/* Names and labels are checked and copied; texts that many objects share are kept once. */
struct store_pod_metadata {
	const char *namespace, *name, *uid;
	const char *
		cgroup_uid; /* what its cgroup carries: of a static pod its config.hash, else uid */
	const struct labels *labels;
};

/* The pod exists. One of the same namespace and name with another uid has gone. 0; -EINVAL (a name
 * that is no name, no uid, labels beyond the bounds or not sorted), -ENOSPC (max_pods: counted),
 * -ENOMEM: then nothing has changed. */
int store_put_pod(struct store *store, const struct store_pod_metadata *pod, struct error *err);

/* The pod has gone: it is not served from now on. Of one that is not known, or known by another
 * uid, nothing happens. */
void store_remove_pod(
	struct store *store, const char *namespace, const char *name, const char *uid);

/* What is not put between the two is removed by the second; of two beginnings the later counts,
 * without one nothing is removed. 32 pods are removed under one hold of the lock, some 50 µs. */
void store_begin_pods(struct store *store);
void store_end_pods(struct store *store);

/* The same for nodes. 0, -EINVAL, -ENOSPC (max_nodes), -ENOMEM. */
int store_put_node(
	struct store *store, const char *name, const struct labels *labels, struct error *err);
void store_remove_node(struct store *store, const char *name);
void store_begin_nodes(struct store *store);
void store_end_nodes(struct store *store);

/* Any thread: whether a pod of this metadata.uid exists. */
bool store_has_pod(struct store *store, const char *uid);

/* --- readers: any thread ---------------------------------------------------------------------- */

/* What a visitor sees: valid only until it returns. */
struct store_node_view {
	const char *name;
	const struct labels *labels;
	uint64_t cpu_millicores, memory_bytes; /* capacity; 0 = unknown */
	uint64_t timestamp_ms;
	uint32_t window_ms;
	const void *opaque;
};

struct store_pod_view {
	const char *namespace;
	const char *name;
	size_t namespace_length, name_length;
	const char *uid;
	const char *node;
	const struct labels *labels;
	uint64_t timestamp_ms; /* of the oldest figure among its containers */
	uint32_t window_ms;    /* the shortest among its containers */
	uint32_t containers;
	const void *opaque;
};

/* False when there is no figure for `metric`. */
bool store_node_value(const struct store_node_view *node, enum metric metric, uint64_t *ret_value);
bool store_container_value(const struct store_pod_view *pod, uint32_t container, enum metric metric,
	uint64_t *ret_value);
/* The same for several: ret_has says of which there are, the other values are untouched. */
void store_container_values(const struct store_pod_view *pod, uint32_t container,
	const enum metric *metric, size_t count, bool *ret_has, uint64_t *ret_value);
/* `ret_length` may be NULL. */
const char *store_container_name(
	const struct store_pod_view *pod, uint32_t container, size_t *ret_length);

/* Where a walk stands: behind the last object that a visitor took. Zero-initialise for the
 * beginning; store_cursor_free() when done or given up. */
struct store_cursor {
	char *namespace, *name; /* room for STORE_MAX_NAME each */
	bool started, finished;
};

void store_cursor_free(struct store_cursor *cursor);

/* Lets *ret_copy stand where `cursor` stands; free it too. 0, or -ENOMEM: *ret_copy is untouched.
 */
int store_cursor_copy(const struct store_cursor *cursor, struct store_cursor *ret_copy);

/* Lets a zero-initialised cursor stand behind where a pod of this name stands or would. 0, -EINVAL
 * (a name longer than STORE_MAX_NAME) or -ENOMEM. */
int store_cursor_begin(struct store_cursor *cursor, const char *namespace, const char *name);

/* True: taken, go on. False: not taken, stop; the next walk starts with this object. */
typedef bool (*store_node_visitor)(void *context, const struct store_node_view *node);
typedef bool (*store_pod_visitor)(void *context, const struct store_pod_view *pod);

/* Visits nodes sorted by name from the cursor on, at most `most` of them (taken or not served)
 * under one hold of the lock. Returns 0, cursor->finished says whether the end was reached;
 * -ENOMEM. Objects that come or go between two calls may or may not be seen; none is seen twice. */
int store_visit_nodes(struct store *store, struct store_cursor *cursor, size_t most,
	store_node_visitor visitor, void *context);

/* The same for pods, sorted by namespace then name; of one namespace, or all with NULL. `having`
 * (NULL or empty: nothing) are labels without which no pod is wanted: where there is an index
 * (options.metadata, one namespace) the others are not walked over. The visitor may be shown pods
 * without them all the same. */
int store_visit_pods(struct store *store, const char *namespace, const struct labels *having,
	struct store_cursor *cursor, size_t most, store_pod_visitor visitor, void *context);

/* Calls the visitor with the one object, if it is served. True when it was. */
bool store_get_node(
	struct store *store, const char *name, store_node_visitor visitor, void *context);
bool store_get_pod(struct store *store, const char *namespace, const char *name,
	store_pod_visitor visitor, void *context);

/* The sums over all pods that have a name (with options.metadata: that are joined), whether they
 * are served now or not: no list of pods can have more in it. */
struct store_totals store_totals(struct store *store);

/* Nodes with a catalog and figures that are served now: for readiness. */
size_t store_served_nodes(struct store *store);

/* Nodes of which there is metadata. */
size_t store_known_nodes(struct store *store);

#endif
