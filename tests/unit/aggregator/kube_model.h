/* A model of kube-apiserver in memory. It takes the place of kube_client_send() and
 * kube_call_cancel() in the one test program that includes it, and of the waits of backoff.h, which
 * become none: therefore it is no part of the harness. */
#ifndef AGGREGATOR_KUBE_MODEL_H
#define AGGREGATOR_KUBE_MODEL_H

#include "aggregator/kube/backoff.h"
#include "aggregator/kube/kube_client.h"
#include "tests/harness/kube_objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL_OBJECTS 40 /* names: "o0" to "o39" */

/* How it answers a watch that shall begin with all objects. */
enum model_watch_list {
	MODEL_WATCH_LIST,       /* with them */
	MODEL_WATCH_LIST_400,   /* it does not know it */
	MODEL_WATCH_LIST_ERROR, /* 200 and one ERROR of 500 */
};

struct model_object {
	bool there;
	unsigned uid;     /* of its life: "u<uid>" */
	uint64_t version; /* the last change */
};

struct model {
	struct model_object object[MODEL_OBJECTS];
	uint64_t version;   /* of the newest change */
	uint64_t compacted; /* up to here, history is gone */
	enum model_watch_list watch_list;
	bool away;             /* refuses every call */
	bool pages;            /* gives pages of three where a limit is asked for */
	bool error_410;        /* an old version is an ERROR event, not a status */
	char last_target[512]; /* what was asked last; "" = nothing since it was cleared */
	unsigned calls;
};

#define MOST_CHANGES 100000
#define PAGE         3

struct change {
	unsigned object, uid;
	const char *type;
};

/* Of the list whose pages are read. */
static struct model_object snapshot[MODEL_OBJECTS];

struct kube_call {
	struct kube_request request;
	char *target;
	bool begun, watch, initial;
	int status;    /* of the answer that stands in `out` */
	uint64_t seen; /* of a watch: changes up to here are in `out` */
	struct buffer out;
	size_t sent;
	bool last; /* nothing comes behind `out` */
};

static struct model model;
static struct change changes[MOST_CHANGES]; /* by version */
static struct kube_call *call;

static void model_reset(void)
{
	if (call)
		kube_call_cancel(call);
	memset(&model, 0, sizeof(model));
	model.version = 1;
}

/* --- the cluster ------------------------------------------------------------------------------ */

static void change(unsigned object, const char *type)
{
	model.version++;
	assert_true(model.version < MOST_CHANGES);
	model.object[object].version = model.version;
	changes[model.version] = (struct change){object, model.object[object].uid, type};
}

static void model_put(unsigned object)
{
	bool there = model.object[object].there;

	if (!there)
		model.object[object].uid++;
	model.object[object].there = true;
	change(object, there ? "MODIFIED" : "ADDED");
}

static void model_delete(unsigned object)
{
	if (!model.object[object].there)
		return;
	model.object[object].there = false;
	change(object, "DELETED");
}

static void model_compact(void)
{
	model.compacted = model.version;
}

/* --- what is said of it ----------------------------------------------------------------------- */

struct texts {
	char name[16], uid[16], version[24];
};

static struct kube_object describe(
	struct texts *texts, unsigned object, unsigned uid, uint64_t version)
{
	(void)snprintf(texts->name, sizeof(texts->name), "o%u", object);
	(void)snprintf(texts->uid, sizeof(texts->uid), "u%u", uid);
	(void)snprintf(texts->version, sizeof(texts->version), "%llu", (unsigned long long)version);
	return (struct kube_object){.namespace = "n",
		.name = texts->name,
		.uid = texts->uid,
		.resource_version = texts->version,
		.managed_fields = 10};
}

static uint64_t number_after(const char *target, const char *key, uint64_t otherwise)
{
	const char *at = strstr(target, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : otherwise;
}

static void refuse(int status, const char *reason)
{
	call->status = status;
	buffer_printf(&call->out,
		"{\"kind\":\"Status\",\"code\":%d,\"reason\":\"%s\",\"message\":\"of the model\"}",
		status, reason);
	call->last = true;
}

static void put_bookmark(bool end)
{
	char version[24];

	(void)snprintf(version, sizeof(version), "%llu", (unsigned long long)call->seen);
	kube_objects_put_bookmark(&call->out, version, end);
}

static void expire(void)
{
	if (call->watch && model.error_410)
		kube_objects_put_error(&call->out, 410, "Expired", "too old resource version");
	else
		refuse(410, "Expired");
	call->last = true;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* A continue token is "<next object>v<version>". */
static void begin_list(void)
{
	uint64_t from = number_after(call->target, "continue=", 0), version = model.version;
	bool paged = model.pages && strstr(call->target, "limit=");
	struct kube_object objects[MODEL_OBJECTS];
	struct texts texts[MODEL_OBJECTS];
	char token[48] = "", text[24];
	size_t count = 0;

	if (strstr(call->target, "continue=")) {
		version = number_after(strchr(strstr(call->target, "continue="), 'v'), "v", 0);
		if (version < model.compacted) {
			expire();
			return;
		}
	} else {
		memcpy(snapshot, model.object, sizeof(snapshot));
	}
	for (unsigned i = (unsigned)from; i < MODEL_OBJECTS; i++) {
		if (!snapshot[i].there)
			continue;
		if (paged && count == PAGE) {
			(void)snprintf(
				token, sizeof(token), "%uv%llu", i, (unsigned long long)version);
			break;
		}
		objects[count] =
			describe(&texts[count], i, model.object[i].uid, model.object[i].version);
		count++;
	}
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	kube_objects_put_list(&call->out, objects, count, text, *token ? token : NULL);
	call->last = true;
}

/* --- watches ---------------------------------------------------------------------------------- */

static void begin_initial(void)
{
	struct texts texts;

	if (model.watch_list == MODEL_WATCH_LIST_400) {
		refuse(400, "BadRequest");
		return;
	}
	if (model.watch_list == MODEL_WATCH_LIST_ERROR) {
		kube_objects_put_error(&call->out, 500, "InternalError", "not this etcd");
		call->last = true;
		return;
	}
	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		struct kube_object object =
			describe(&texts, i, model.object[i].uid, model.object[i].version);

		if (model.object[i].there)
			kube_objects_put_event(&call->out, "ADDED", &object);
	}
	call->seen = model.version;
	put_bookmark(true);
}

static void begin_watch(void)
{
	call->watch = true;
	if (strstr(call->target, "sendInitialEvents")) {
		begin_initial();
		return;
	}
	call->seen = number_after(call->target, "resourceVersion=", 0);
	if (call->seen < model.compacted)
		expire();
}

static void put_changes(void)
{
	while (call->watch && !call->last && call->seen < model.version) {
		const struct change *next = &changes[++call->seen];
		struct texts texts;
		struct kube_object object = describe(&texts, next->object, next->uid, call->seen);

		kube_objects_put_event(&call->out, next->type, &object);
	}
}

/* --- the call under way ----------------------------------------------------------------------- */

static void free_call(void)
{
	buffer_free(&call->out);
	free(call->target);
	free(call);
	call = NULL;
}

static void done(int status, const char *failure)
{
	const struct kube_response response = {.status = status,
		.failure = failure,
		.content_type = "",
		.body = status >= 300 ? call->out.data : "",
		.size = status >= 300 ? call->out.length : 0};
	struct kube_request request = call->request;

	free(call->target);
	call->target = NULL;
	/* The next call may begin in it: this one is ours alone by then. */
	struct kube_call *old = call;

	call = NULL;
	request.on_done(request.context, &response);
	buffer_free(&old->out);
	free(old);
}

static bool model_asked(void)
{
	return call != NULL;
}

static void model_cut(void)
{
	if (call)
		done(0, "cut by the test");
}

static void model_end(void)
{
	if (call)
		done(200, NULL);
}

static void model_bookmark(void)
{
	if (call && call->begun && call->watch && !call->last) {
		put_changes();
		put_bookmark(false);
	}
}

static void begin(void)
{
	call->begun = true;
	call->status = 200;
	if (strstr(call->target, "watch=true"))
		begin_watch();
	else
		begin_list();
}

static size_t model_answer(size_t most)
{
	size_t size;
	char *exact;
	int r;

	if (call && model.away)
		model_cut();
	if (!call)
		return 0;
	if (!call->begun)
		begin();
	put_changes();
	if (call->status != 200) {
		done(call->status, NULL);
		return 1;
	}
	size = call->out.length - call->sent < most ? call->out.length - call->sent : most;
	exact = malloc(size + 1);
	assert_non_null(exact);
	if (size > 0)
		memcpy(exact, call->out.data + call->sent, size);
	call->sent += size;
	r = size ? call->request.on_data(call->request.context, exact, size) : 0;
	free(exact);
	if (r < 0)
		done(0, "not taken");
	else if (call->last && call->sent == call->out.length)
		done(200, NULL);
	return size;
}

/* --- in place of the client ------------------------------------------------------------------- */

struct kube_call *kube_client_send(
	struct kube_client *client, const struct kube_request *request, struct error *err)
{
	(void)client;
	(void)err;
	assert_null(call); /* one at a time */
	assert_true(request->timeout_ns || request->silence_ns);
	call = calloc(1, sizeof(*call));
	assert_non_null(call);
	call->request = *request;
	call->target = strdup(request->target);
	assert_non_null(call->target);
	(void)snprintf(model.last_target, sizeof(model.last_target), "%s", request->target);
	model.calls++;
	return call;
}

void kube_call_cancel(struct kube_call *cancelled)
{
	assert_ptr_equal(cancelled, call);
	free_call();
}

uint32_t backoff_next_ms(struct backoff *backoff, uint32_t retry_after_s)
{
	(void)retry_after_s;
	backoff->tries++;
	return 0;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->tries = 0;
}

#endif
