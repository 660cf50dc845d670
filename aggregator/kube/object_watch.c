#include "aggregator/kube/object_watch.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* No JSON behind it: a server that can't do this says 406. */
#define ACCEPT                                                                             \
	"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1;" \
	"stream=watch"

struct object_watch {
	struct object_watch_options options;
	struct kube_call *call;
	struct watch_frames *frames;
	uint64_t started_ns, last_ns; /* the last byte */
	int failed;                   /* -errno: why on_data gave up */
	struct error err;
	bool error_seen; /* an ERROR event, and what it said */
	struct call_end error;
};

static int on_frame(void *context, const struct watch_event *event)
{
	struct object_watch *watch = context;

	if (event->type != WATCH_ERROR)
		return watch->options.on_event(watch->options.context, event);
	call_end_of_status(&event->status, &watch->error);
	watch->error_seen = true;
	return -ECANCELED;
}

static int on_data(void *context, const void *data, size_t size)
{
	struct object_watch *watch = context;

	watch->last_ns = clock_monotonic_ns();
	watch->options.on_bytes(watch->options.context, size);
	watch->failed = watch_frames_feed(watch->frames, data, size, &watch->err);
	return watch->failed;
}

/* The client knows the reason as a text only: it is told by the time. A tenth is the coarseness of
 * its clock. */
static void judge_cut(const struct object_watch *watch, struct call_end *why)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t silence_ns = watch->options.silence_ns;

	if (now_ns - watch->last_ns >= silence_ns - silence_ns / 10)
		why->why = CALL_END_SILENT;
	else if (now_ns - watch->started_ns >= watch->options.query.timeout_s * NS_PER_SECOND)
		why->why = CALL_END_DONE;
}

static void judge(const struct object_watch *watch, const struct kube_response *response,
	struct call_end *ret_why)
{
	if (watch->error_seen) {
		*ret_why = watch->error;
	} else if (watch->failed < 0) {
		call_end_of_error(watch->failed, &watch->err, ret_why);
	} else if (response->status == 0) {
		call_end_of_response(response, ret_why);
		judge_cut(watch, ret_why);
	} else if (response->status < 200 || response->status >= 300) {
		call_end_of_response(response, ret_why);
	} else if (watch_frames_whole(watch->frames)) {
		*ret_why = (struct call_end){.why = CALL_END_DONE, .text = "it ended"};
	} else {
		*ret_why = (struct call_end){.why = CALL_END_CUT, .text = "it ended in an event"};
	}
}

static void on_done(void *context, const struct kube_response *response)
{
	struct object_watch *watch = context;
	struct call_end why;

	watch->call = NULL;
	judge(watch, response, &why);
	watch->options.on_done(watch->options.context, &why);
}

static int send_watch(struct object_watch *watch, struct error *err)
{
	const struct object_watch_options *options = &watch->options;
	char *target = resource_query_watch(options->resource, &options->query);
	const struct kube_request request = {.method = "GET",
		.target = target,
		.accept = ACCEPT,
		.timeout_ns = options->query.timeout_s * NS_PER_SECOND + OBJECT_WATCH_GRACE_NS,
		.silence_ns = options->silence_ns,
		.on_data = on_data,
		.on_done = on_done,
		.context = watch};

	if (!target)
		return error_errno(err, ENOMEM, "watching %s", options->resource->name);
	watch->call = kube_client_send(options->client, &request, err);
	free(target);
	return watch->call ? 0 : -ENOMEM;
}

struct object_watch *object_watch_start(
	const struct object_watch_options *options, struct error *err)
{
	struct object_watch *watch = calloc(1, sizeof(*watch));
	const struct watch_frames_options frames = {
		.max_object = options->max_object, .on_event = on_frame, .context = watch};

	if (watch) {
		watch->options = *options;
		watch->started_ns = watch->last_ns = clock_monotonic_ns();
		watch->frames = watch_frames_new(&frames);
	}
	if (!watch || !watch->frames) {
		(void)error_errno(err, ENOMEM, "watching %s", options->resource->name);
	} else if (send_watch(watch, err) == 0) {
		watch->options.query.resource_version = NULL; /* the caller's, and sent */
		return watch;
	}
	object_watch_free(watch);
	return NULL;
}

void object_watch_free(struct object_watch *watch)
{
	if (!watch)
		return;
	if (watch->call)
		kube_call_cancel(watch->call);
	watch_frames_free(watch->frames);
	free(watch);
}
