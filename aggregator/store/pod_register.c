#include "aggregator/store/pod_register.h"

#include "aggregator/store/pod_metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

/* A pod that comes in the place of another or of none. */
struct change {
	struct pod_metadata *before, *pod;
	struct label_set *set;       /* what it shares with others; NULL = its group has taken it */
	struct label_group *emptied; /* by it */
};

static struct pod_metadata *find(const struct store *store, const char *namespace, const char *name)
{
	const struct object_key key = {namespace, name, false};
	struct pod_metadata *pod = ordered_at(
		&store->pods, ordered_seek(&store->pods, &key, pod_metadata_compare_key));

	return pod && pod_metadata_compare_key(&key, pod) == 0 ? pod : NULL;
}

static void tell_counts(struct store *store)
{
	telemetry_set(store->count.pod_metadata, store->pods.count);
	telemetry_set(store->count.joined, store->join.joined);
}

/* --- putting ---------------------------------------------------------------------------------- */

/* Makes what the exchange needs. 0 or -ENOMEM. */
static int prepare(
	struct store *store, const struct store_pod_metadata *from, struct change *change)
{
	change->pod = pod_metadata_new(from, &store->texts);
	change->set = label_set_new(&store->texts, from->labels, true);
	if (!change->pod || !change->set)
		return -ENOMEM;
	change->pod->generation = store->pod_round.generation;
	if (label_index_reserve(&store->index, change->set->labels.count, &store->lock) < 0)
		return -ENOMEM;
	return pod_join_prepare_metadata(&store->join, change->before, change->pod, &store->lock);
}

/* The lock is held. 0, or -ENOMEM: then nothing has changed. */
static int exchange(struct store *store, const char *namespace, struct change *change)
{
	struct pod_metadata *pod = change->pod;
	int r = label_index_enter(&store->index, namespace, change->set, pod, &pod->group);

	if (r < 0)
		return r;
	if (pod->group->set == change->set)
		change->set = NULL;
	if (!pod->own_set)
		pod->set = pod->group->set;
	if (!change->before)
		r = ordered_insert(&store->pods, pod);
	else
		(void)ordered_replace(&store->pods, pod);
	if (r < 0) {
		change->emptied = label_index_leave(&store->index, pod->group, pod);
		return r;
	}
	if (change->before) {
		pod_join_remove_metadata(&store->join, change->before);
		change->emptied =
			label_index_leave(&store->index, change->before->group, change->before);
	}
	pod_join_add_metadata(&store->join, pod);
	return 0;
}

static int put_pod(struct store *store, const struct store_pod_metadata *from, struct error *err)
{
	struct change change = {0};
	int r = pod_metadata_check(from, err);

	if (r < 0)
		return r;
	change.before = find(store, from->namespace, from->name);
	if (change.before && pod_metadata_says(change.before, from)) {
		change.before->generation = store->pod_round.generation;
		return 0;
	}
	if (!change.before && store->pods.count >= store->options.max_pods)
		return error_set(err, ENOSPC, "%" PRIu32 " pods are known, which is the most",
			store->options.max_pods);
	r = prepare(store, from, &change);
	if (r == 0) {
		store_lock(store);
		r = exchange(store, from->namespace, &change);
		(void)pthread_rwlock_unlock(&store->lock);
	}
	label_group_free(&store->texts, change.emptied);
	label_set_free(&store->texts, change.set);
	pod_metadata_free(&store->texts, r == 0 ? change.before : change.pod);
	return r == 0 ? 0 : error_errno(err, -r, "keeping it");
}

int store_put_pod(struct store *store, const struct store_pod_metadata *pod, struct error *err)
{
	int r;

	(void)pthread_mutex_lock(&store->writing);
	r = put_pod(store, pod, err);
	tell_counts(store);
	(void)pthread_mutex_unlock(&store->writing);
	if (r == 0)
		return 0;
	(void)store_count_refused(store, r, store->count.metadata_beyond_max_pods);
	return error_context(err, r, "taking pod %.*s/%.*s", STORE_MAX_NAME, pod->namespace,
		STORE_MAX_NAME, pod->name);
}

/* --- removing --------------------------------------------------------------------------------- */

/* Takes the pod out of everything; returns the group that it leaves empty, or NULL. The lock is
 * held. */
static struct label_group *take_out(struct store *store, struct pod_metadata *pod)
{
	(void)ordered_remove(&store->pods, pod);
	pod_join_remove_metadata(&store->join, pod);
	return label_index_leave(&store->index, pod->group, pod);
}

/* Takes out and frees some. */
static void remove_pods(
	struct store *store, struct pod_metadata **pod, size_t count, struct label_group **emptied)
{
	store_lock(store);
	for (size_t i = 0; i < count; i++)
		emptied[i] = take_out(store, pod[i]);
	(void)pthread_rwlock_unlock(&store->lock);
	for (size_t i = 0; i < count; i++) {
		label_group_free(&store->texts, emptied[i]);
		pod_metadata_free(&store->texts, pod[i]);
	}
	tell_counts(store);
}

void store_remove_pod(struct store *store, const char *namespace, const char *name, const char *uid)
{
	struct label_group *emptied;
	struct pod_metadata *pod;

	(void)pthread_mutex_lock(&store->writing);
	pod = find(store, namespace, name);
	if (pod && strcmp(pod_metadata_uid(pod), uid) == 0)
		remove_pods(store, &pod, 1, &emptied);
	(void)pthread_mutex_unlock(&store->writing);
}

void store_begin_pods(struct store *store)
{
	(void)pthread_mutex_lock(&store->writing);
	round_begin(&store->pod_round);
	(void)pthread_mutex_unlock(&store->writing);
}

/* With cold caches a pod takes 0.1 µs to look at and some 5 µs to remove: so many are looked at
 * under one hold of `writing`, and removed under one of the lock. */
#define SWEEP_LOOKS   1024
#define SWEEP_REMOVES 32

/* Where the next part of the sweep begins: behind this pod. */
struct sweep {
	char namespace[STORE_MAX_NAME + 1], name[STORE_MAX_NAME + 1];
};

/* Removes some of those that were not put. False at the end. */
static bool sweep_on(struct store *store, struct sweep *sweep)
{
	const struct object_key key = {sweep->namespace, sweep->name, true};
	struct ordered_place place = ordered_seek(&store->pods, &key, pod_metadata_compare_key);
	struct pod_metadata *pod = NULL, *last = NULL, *gone[SWEEP_REMOVES];
	struct label_group *emptied[SWEEP_REMOVES];
	size_t count = 0;

	for (size_t i = 0; i < SWEEP_LOOKS && count < SWEEP_REMOVES; i++) {
		pod = ordered_at(&store->pods, place);
		if (!pod)
			break;
		if (round_missed(&store->pod_round, pod->generation))
			gone[count++] = pod;
		last = pod;
		place = ordered_next(&store->pods, place);
	}
	if (last) {
		strcpy(sweep->namespace, pod_metadata_namespace(last));
		strcpy(sweep->name, pod_metadata_name(last));
	}
	if (count > 0)
		remove_pods(store, gone, count, emptied);
	return pod != NULL;
}

void store_end_pods(struct store *store)
{
	struct sweep sweep = {0};
	bool more;

	(void)pthread_mutex_lock(&store->writing);
	more = round_end(&store->pod_round);
	(void)pthread_mutex_unlock(&store->writing);
	while (more) {
		(void)pthread_mutex_lock(&store->writing);
		more = sweep_on(store, &sweep);
		(void)pthread_mutex_unlock(&store->writing);
		(void)sched_yield(); /* ingest may wait */
	}
}

void pod_register_free(struct store *store)
{
	struct ordered_place place = {0, 0};
	struct pod_metadata *pod;

	while (store->options.metadata && (pod = ordered_at(&store->pods, place))) {
		place = ordered_next(&store->pods, place);
		label_group_free(&store->texts, label_index_leave(&store->index, pod->group, pod));
		pod_metadata_free(&store->texts, pod);
	}
}

/* --- readers ---------------------------------------------------------------------------------- */

bool store_has_pod(struct store *store, const char *uid)
{
	bool found;

	(void)pthread_rwlock_rdlock(&store->lock);
	found = pod_join_has(&store->join, uid);
	(void)pthread_rwlock_unlock(&store->lock);
	return found;
}
