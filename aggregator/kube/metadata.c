#include "aggregator/kube/metadata.h"

#include "aggregator/kube/reflector.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/work_queue.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

struct metadata {
	struct store *store;
	pthread_t thread;
	bool running;
	_Atomic bool stopping, pods_synced, nodes_synced;
	struct work_queue *queue;

	/* The thread's own, once it runs. */
	struct event_base *base;
	struct kube_client *client;
	struct reflector *pods, *nodes;
	struct log_limit refused;
	bool ended;
};

/* What someone posted. */
struct job {
	struct work work; /* first */
	struct metadata *metadata;
	void (*run)(void *context, struct kube_client *client);
	void *context;
};

/* --- the store -------------------------------------------------------------------------------- */

/* An object that the store refuses is counted there, and not served; another list would not change
 * it. Only want of memory passes. */
static int judge(struct metadata *metadata, const struct object_metadata *object, int result,
	const struct error *err)
{
	uint64_t held_back;

	if (result == 0 || result == -ENOMEM)
		return result;
	if (log_allowed(&metadata->refused, LOG_INTERVAL_NS, &held_back))
		log_warn("not keeping %s%s%s: %s (%llu more like this were held back)",
			object->namespace, *object->namespace ? "/" : "", object->name,
			err->message, (unsigned long long)held_back);
	return 0;
}

static void begin_pods(void *context)
{
	struct metadata *metadata = context;

	store_begin_pods(metadata->store);
}

static int put_pod(void *context, const struct object_metadata *object)
{
	struct metadata *metadata = context;
	const struct store_pod_metadata pod = {.namespace = object->namespace,
		.name = object->name,
		.uid = object->uid,
		.cgroup_uid = *object->config_hash ? object->config_hash : object->uid,
		.labels = &object->labels};
	struct error err;

	return judge(metadata, object, store_put_pod(metadata->store, &pod, &err), &err);
}

static void remove_pod(void *context, const struct object_metadata *object)
{
	struct metadata *metadata = context;

	store_remove_pod(metadata->store, object->namespace, object->name, object->uid);
}

static void end_pods(void *context)
{
	struct metadata *metadata = context;

	store_end_pods(metadata->store);
	atomic_store(&metadata->pods_synced, true);
}

static void begin_nodes(void *context)
{
	struct metadata *metadata = context;

	store_begin_nodes(metadata->store);
}

static int put_node(void *context, const struct object_metadata *object)
{
	struct metadata *metadata = context;
	struct error err;

	return judge(metadata, object,
		store_put_node(metadata->store, object->name, &object->labels, &err), &err);
}

static void remove_node(void *context, const struct object_metadata *object)
{
	struct metadata *metadata = context;

	store_remove_node(metadata->store, object->name);
}

static void end_nodes(void *context)
{
	struct metadata *metadata = context;

	store_end_nodes(metadata->store);
	atomic_store(&metadata->nodes_synced, true);
}

static int start_reflectors(
	struct metadata *metadata, const struct metadata_options *options, struct error *err)
{
	const struct reflector_options pods = {.client = metadata->client,
		.base = metadata->base,
		.resource = "pods",
		.path = "/api/v1/pods",
		/* One that leaves Running comes as DELETED. */
		.field_selector = "status.phase=Running",
		.handler = {begin_pods, put_pod, remove_pod, end_pods, metadata},
		.telemetry = options->telemetry};
	const struct reflector_options nodes = {.client = metadata->client,
		.base = metadata->base,
		.resource = "nodes",
		.path = "/api/v1/nodes",
		.label_selector = options->node_selector,
		.handler = {begin_nodes, put_node, remove_node, end_nodes, metadata},
		.telemetry = options->telemetry};

	metadata->nodes = reflector_start(&nodes, err);
	if (metadata->nodes)
		metadata->pods = reflector_start(&pods, err);
	return metadata->pods ? 0 : -ENOMEM;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void run_work(void *context)
{
	struct metadata *metadata = context;

	if (atomic_load(&metadata->stopping))
		(void)event_base_loopbreak(metadata->base);
	else
		work_queue_run(metadata->queue);
}

static void *run(void *context)
{
	struct metadata *metadata = context;

	(void)event_base_loop(metadata->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* Signals are main's. */
static int start_thread(struct metadata *metadata, struct error *err)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&metadata->thread, NULL, run, metadata);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return error_errno(err, r, "starting the thread that follows kube-apiserver");
	metadata->running = true;
	(void)pthread_setname_np(metadata->thread, "kube");
	return 0;
}

static int make_parts(
	struct metadata *metadata, const struct metadata_options *options, struct error *err)
{
	const struct kube_client_options client = {.config = options->config,
		.base = event_base_new(),
		.telemetry = options->telemetry};

	metadata->base = client.base;
	if (!metadata->base)
		return error_errno(err, ENOMEM, "following kube-apiserver");
	metadata->queue = work_queue_new(metadata->base, run_work, metadata, err);
	if (!metadata->queue)
		return -ENOMEM;
	metadata->client = kube_client_new(&client, err);
	if (!metadata->client)
		return -EINVAL;
	return start_reflectors(metadata, options, err);
}

struct metadata *metadata_start(const struct metadata_options *options, struct error *err)
{
	struct metadata *metadata = calloc(1, sizeof(*metadata));

	if (!metadata) {
		(void)error_errno(err, ENOMEM, "following kube-apiserver");
		return NULL;
	}
	metadata->store = options->store;
	if (make_parts(metadata, options, err) == 0 && start_thread(metadata, err) == 0)
		return metadata;
	metadata_stop(metadata);
	return NULL;
}

/* Also of one that was not wholly made. */
void metadata_stop(struct metadata *metadata)
{
	if (!metadata)
		return;
	atomic_store(&metadata->stopping, true);
	if (metadata->running) {
		work_queue_wake(metadata->queue);
		(void)pthread_join(metadata->thread, NULL);
	}
	/* Calls of theirs may be under way: they can still be cancelled now. */
	metadata->ended = true;
	if (metadata->queue)
		work_queue_run(metadata->queue);
	reflector_stop(metadata->pods);
	reflector_stop(metadata->nodes);
	kube_client_free(metadata->client);
	work_queue_free(metadata->queue);
	if (metadata->base)
		event_base_free(metadata->base);
	free(metadata);
}

bool metadata_pods_synced(const struct metadata *metadata)
{
	return atomic_load(&metadata->pods_synced);
}

bool metadata_nodes_synced(const struct metadata *metadata)
{
	return atomic_load(&metadata->nodes_synced);
}

static void run_job(struct work *work)
{
	struct job *job = (struct job *)work;

	job->run(job->context, job->metadata->ended ? NULL : job->metadata->client);
	free(job);
}

int metadata_post(struct metadata *metadata,
	void (*work)(void *context, struct kube_client *client), void *context)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = (struct job){{run_job, NULL}, metadata, work, context};
	work_queue_post(metadata->queue, &job->work);
	return 0;
}
