#include "aggregator/kube/object_list.h"

#include "aggregator/kube/list_stream.h"
#include "aggregator/kube/object_decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No JSON behind it: a server that can't do this says 406. */
#define ACCEPT "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct object_list {
	struct object_list_options options;
	char *asked_version;
	struct object_decoder *decoder;
	struct kube_call *call;
	struct list_stream *stream; /* of the page under way */
	unsigned pages;
	char *resource_version; /* of the first page */
	int failed;             /* -errno: why on_data gave up */
	struct error err;
};

static int start_page(struct object_list *list, const char *continue_token, struct error *err);

/* --- objects ---------------------------------------------------------------------------------- */

static int on_item(void *context, struct span bytes)
{
	struct object_list *list = context;
	struct object_metadata object;
	struct error excess;
	int r = object_decode(list->decoder, bytes, &object, &excess);

	if (r == -EINVAL)
		return r;
	return list->options.on_object(
		list->options.context, &object, r == -E2BIG ? excess.message : NULL);
}

static void on_too_long(void *context, uint64_t size)
{
	static const struct object_metadata UNKNOWN = {
		.namespace = "", .name = "", .uid = "", .resource_version = "", .config_hash = ""};
	struct object_list *list = context;

	(void)size;
	(void)list->options.on_object(list->options.context, &UNKNOWN, "it is too long");
}

static int on_data(void *context, const void *data, size_t size)
{
	struct object_list *list = context;

	list->options.on_bytes(list->options.context, size);
	list->failed = list_stream_feed(list->stream, data, size, &list->err);
	return list->failed;
}

/* --- pages ------------------------------------------------------------------------------------ */

static void end(struct object_list *list, const struct call_end *why)
{
	list->options.on_done(list->options.context, why,
		why->why == CALL_END_DONE ? list->resource_version : "");
}

static void fail(struct object_list *list, int result, const struct error *err)
{
	struct call_end why;

	call_end_of_error(result, err, &why);
	end(list, &why);
}

/* Every page is of the version of the first. */
static int keep_version(struct object_list *list, const char *version, struct error *err)
{
	if (list->resource_version)
		return 0;
	if (!*version || strlen(version) > OBJECT_MAX_VERSION)
		return error_set(err, EINVAL, "a list without a resourceVersion");
	list->resource_version = strdup(version);
	return list->resource_version ? 0 : error_errno(err, ENOMEM, "reading a list");
}

static void end_page(struct object_list *list)
{
	static const struct call_end DONE = {.why = CALL_END_DONE};
	struct list_meta meta;
	struct error err;
	int r = list_stream_finish(list->stream, &meta, &err);

	if (r == 0)
		r = keep_version(list, meta.resource_version, &err);
	if (r == 0 && !*meta.continue_token) {
		end(list, &DONE);
		return;
	}
	if (r == 0 && ++list->pages >= OBJECT_LIST_MAX_PAGES)
		r = error_set(&err, E2BIG, "a list of more than %d pages", OBJECT_LIST_MAX_PAGES);
	if (r == 0)
		r = start_page(list, meta.continue_token, &err);
	if (r < 0)
		fail(list, r, &err);
}

static void on_done(void *context, const struct kube_response *response)
{
	struct object_list *list = context;
	struct call_end why;

	list->call = NULL;
	if (list->failed < 0) {
		fail(list, list->failed, &list->err);
	} else if (response->status >= 200 && response->status < 300) {
		end_page(list);
	} else {
		call_end_of_response(response, &why);
		end(list, &why);
	}
}

static int send_page(struct object_list *list, const char *target, struct error *err)
{
	const struct kube_request request = {.method = "GET",
		.target = target,
		.accept = ACCEPT,
		.timeout_ns = OBJECT_LIST_TIMEOUT_NS,
		.silence_ns = OBJECT_LIST_SILENCE_NS,
		.on_data = on_data,
		.on_done = on_done,
		.context = list};

	list->call = kube_client_send(list->options.client, &request, err);
	return list->call ? 0 : -ENOMEM;
}

/* `continue_token` may be the old stream's. */
static int start_page(struct object_list *list, const char *continue_token, struct error *err)
{
	const struct list_query query = {.resource_version = list->asked_version,
		.paged = list->options.paged,
		.continue_token = continue_token};
	const struct list_stream_options stream = {.max_object = list->options.max_object,
		.on_object = on_item,
		.on_too_long = on_too_long,
		.context = list};
	char *target = resource_query_list(list->options.resource, &query);
	int r;

	list_stream_free(list->stream);
	list->stream = list_stream_new(&stream);
	if (target && list->stream)
		r = send_page(list, target, err);
	else
		r = error_errno(err, ENOMEM, "listing %s", list->options.resource->name);
	free(target);
	return r;
}

/* --- start and stop --------------------------------------------------------------------------- */

struct object_list *object_list_start(const struct object_list_options *options, struct error *err)
{
	struct object_list *list = calloc(1, sizeof(*list));
	const char *version = options->resource_version;

	if (!list) {
		(void)error_errno(err, ENOMEM, "listing %s", options->resource->name);
		return NULL;
	}
	list->options = *options;
	list->asked_version = strdup(version ? version : "");
	list->decoder = object_decoder_new();
	if (!list->asked_version || !list->decoder) {
		(void)error_errno(err, ENOMEM, "listing %s", options->resource->name);
	} else if (start_page(list, NULL, err) == 0) {
		return list;
	}
	object_list_free(list);
	return NULL;
}

void object_list_free(struct object_list *list)
{
	if (!list)
		return;
	if (list->call)
		kube_call_cancel(list->call);
	list_stream_free(list->stream);
	object_decoder_free(list->decoder);
	free(list->asked_version);
	free(list->resource_version);
	free(list);
}
