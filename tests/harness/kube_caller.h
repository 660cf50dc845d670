/* A kube_client of the test's, its loop, and one call at a time or many: what tests of kube/ share.
 * A failure fails the running cmocka test; every wait is bounded. */
#ifndef HARNESS_KUBE_CALLER_H
#define HARNESS_KUBE_CALLER_H

#include "aggregator/kube/kube_client.h"
#include "base/buffer.h"

#include <stdbool.h>

struct kube_caller {
	struct event_base *base;
	struct telemetry *telemetry;
	struct kube_client *client; /* NULL until kube_caller_connect() */
};

struct kube_caller *kube_caller_new(void);
void kube_caller_free(struct kube_caller *caller);

/* A client with this config, in place of the one before. */
void kube_caller_connect(struct kube_caller *caller, const struct kube_config *config);

/* Runs the loop until *flag, for 60 s at most; or for so long. */
void kube_caller_run_until(struct kube_caller *caller, const bool *flag);
void kube_caller_run_for(struct kube_caller *caller, unsigned ms);

/* The value of a series; `label` may be NULL. */
uint64_t kube_caller_counted(
	struct kube_caller *caller, const char *name, const char *label, const char *value);

/* One call and what became of it. */
struct kube_asked {
	struct kube_caller *caller;
	struct kube_request request; /* change what you like */
	struct kube_call *call;
	unsigned done_count;
	bool done;
	int status;
	char failure[512], content_type[128];
	uint32_t retry_after_s;
	struct buffer body;
	/* Of a request with on_data = kube_asked_take. */
	struct buffer data;
	unsigned pieces;
	int refuse_after; /* so many pieces, with -EILSEQ; -1: never */
};

/* A GET that may last 30 s. */
struct kube_asked kube_asked_prepare(struct kube_caller *caller, const char *target);
void kube_asked_send(struct kube_asked *asked);
/* Sends it and runs the loop until it is done. */
void kube_asked_ask(struct kube_asked *asked);
void kube_asked_forget(struct kube_asked *asked);

int kube_asked_take(void *asked, const void *data, size_t size);
void kube_asked_done(void *asked, const struct kube_response *response);

#endif
