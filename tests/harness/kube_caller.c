#include "tests/harness/kube_caller.h"

#include "base/clock.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

struct kube_caller *kube_caller_new(void)
{
	struct kube_caller *caller = calloc(1, sizeof(*caller));

	assert_non_null(caller);
	caller->base = event_base_new();
	caller->telemetry = telemetry_new();
	assert_non_null(caller->base);
	assert_non_null(caller->telemetry);
	return caller;
}

void kube_caller_free(struct kube_caller *caller)
{
	kube_client_free(caller->client);
	event_base_free(caller->base);
	telemetry_free(caller->telemetry);
	free(caller);
}

void kube_caller_connect(struct kube_caller *caller, const struct kube_config *config)
{
	struct kube_client_options options = {
		.config = config, .base = caller->base, .telemetry = caller->telemetry};
	struct error err;

	kube_client_free(caller->client);
	caller->client = kube_client_new(&options, &err);
	if (!caller->client)
		fail_msg("%s", err.message);
}

void kube_caller_run_for(struct kube_caller *caller, unsigned ms)
{
	struct timeval step = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)event_base_loopexit(caller->base, &step);
	(void)event_base_dispatch(caller->base);
}

void kube_caller_run_until(struct kube_caller *caller, const bool *flag)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;

	while (!*flag) {
		assert_true(wait_now_ms() < until);
		kube_caller_run_for(caller, 10);
	}
}

uint64_t kube_caller_counted(
	struct kube_caller *caller, const char *name, const char *label, const char *value)
{
	return telemetry_get(telemetry_counter(caller->telemetry, name, "", label, value));
}

void kube_asked_done(void *context, const struct kube_response *response)
{
	struct kube_asked *asked = context;

	asked->done = true;
	asked->done_count++;
	asked->status = response->status;
	(void)snprintf(asked->failure, sizeof(asked->failure), "%s",
		response->failure ? response->failure : "");
	(void)snprintf(
		asked->content_type, sizeof(asked->content_type), "%s", response->content_type);
	asked->retry_after_s = response->retry_after_s;
	if (response->size > 0)
		buffer_append(&asked->body, response->body, response->size);
}

int kube_asked_take(void *context, const void *data, size_t size)
{
	struct kube_asked *asked = context;

	asked->pieces++;
	buffer_append(&asked->data, data, size);
	if (asked->refuse_after >= 0 && (unsigned)asked->refuse_after < asked->pieces)
		return -EILSEQ;
	return 0;
}

struct kube_asked kube_asked_prepare(struct kube_caller *caller, const char *target)
{
	return (struct kube_asked){
		.caller = caller,
		.request = {.method = "GET",
			.target = target,
			.timeout_ns = 30 * NS_PER_SECOND,
			.on_done = kube_asked_done},
		.refuse_after = -1,
	};
}

void kube_asked_send(struct kube_asked *asked)
{
	struct error err;

	asked->request.context = asked;
	asked->call = kube_client_send(asked->caller->client, &asked->request, &err);
	if (!asked->call)
		fail_msg("%s", err.message);
	assert_false(asked->done);
}

void kube_asked_ask(struct kube_asked *asked)
{
	kube_asked_send(asked);
	kube_caller_run_until(asked->caller, &asked->done);
}

void kube_asked_forget(struct kube_asked *asked)
{
	buffer_free(&asked->body);
	buffer_free(&asked->data);
}
