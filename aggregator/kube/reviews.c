#include "aggregator/kube/reviews.h"

#include "aggregator/kube/review_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A user in 4096 groups with long names; the question comes back in the answer. */
#define MAX_ANSWER (2U << 20)

#define TOKEN_TARGET  "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS_TARGET "/apis/authorization.k8s.io/v1/subjectaccessreviews"

struct review {
	struct kube_call *call;
	const char *target;
	char *audience; /* NULL: any */
	/* One of them. */
	void (*on_token)(void *context, const struct token_review_answer *answer);
	void (*on_access)(void *context, const struct access_review_answer *answer);
	void *context;
	bool answering;
};

static void free_review(struct review *review)
{
	free(review->audience);
	free(review);
}

/* What kube-apiserver says instead of an answer. */
static int refused(const struct kube_response *response, struct error *err)
{
	char message[256];

	if (response->status == 0)
		return error_set(err, EIO, "%s", response->failure);
	review_json_read_status(response->body, response->size, message, sizeof(message));
	return error_set(err, EIO, "kube-apiserver answers %d%s%s", response->status,
		*message ? ": " : "", message);
}

static void answer_token(const struct review *review, const struct review_verdict *verdict,
	const struct error *failure)
{
	struct token_review_answer answer = {.reason = ""};

	if (failure) {
		answer.failure = failure->message;
	} else {
		answer.authenticated = verdict->yes;
		answer.reason = verdict->reason;
		answer.user = verdict->yes ? &verdict->user : NULL;
	}
	review->on_token(review->context, &answer);
}

static void answer_access(const struct review *review, const struct review_verdict *verdict,
	const struct error *failure)
{
	struct access_review_answer answer = {.reason = ""};

	if (failure) {
		answer.failure = failure->message;
	} else {
		answer.allowed = verdict->yes;
		answer.reason = verdict->reason;
	}
	review->on_access(review->context, &answer);
}

static int read_answer(const struct review *review, const struct kube_response *response,
	struct review_verdict *verdict, struct error *err)
{
	if (response->status / 100 != 2)
		return refused(response, err);
	if (review->on_token)
		return review_json_read_token(
			response->body, response->size, review->audience, verdict, err);
	return review_json_read_access(response->body, response->size, verdict, err);
}

static void on_done(void *context, const struct kube_response *response)
{
	struct review *review = context;
	struct review_verdict verdict = {0};
	struct error err;
	int r = read_answer(review, response, &verdict, &err);

	if (r < 0)
		error_context(&err, r, "POST %s", review->target);
	review->answering = true;
	if (review->on_token)
		answer_token(review, &verdict, r < 0 ? &err : NULL);
	else
		answer_access(review, &verdict, r < 0 ? &err : NULL);
	user_free(&verdict.user);
	free_review(review);
}

/* Takes `body` over, which may be NULL for want of memory. */
static int send_body(
	struct review *review, struct kube_client *client, char *body, struct error *err)
{
	struct kube_request request = {
		.method = "POST",
		.target = review->target,
		.content_type = "application/json",
		.body = body,
		.size = body ? strlen(body) : 0,
		.max_body = MAX_ANSWER,
		.timeout_ns = REVIEWS_TIMEOUT_NS,
		.on_done = on_done,
		.context = review,
	};

	if (!body)
		return error_errno(err, ENOMEM, "POST %s", review->target);
	review->call = kube_client_send(client, &request, err);
	explicit_bzero(body, request.size);
	free(body);
	return review->call ? 0 : -ENOMEM;
}

struct review *token_review_send(struct kube_client *client, const char *token,
	const char *audience,
	void (*on_answer)(void *context, const struct token_review_answer *answer), void *context,
	struct error *err)
{
	struct review *review = calloc(1, sizeof(*review));

	if (!review)
		goto fail;
	review->target = TOKEN_TARGET;
	review->on_token = on_answer;
	review->context = context;
	if (audience) {
		review->audience = strdup(audience);
		if (!review->audience)
			goto fail;
	}
	if (send_body(review, client, review_json_of_token(token, audience), err) == 0)
		return review;
	free_review(review);
	return NULL;
fail:
	(void)error_errno(err, ENOMEM, "POST %s", TOKEN_TARGET);
	if (review)
		free_review(review);
	return NULL;
}

struct review *access_review_send(struct kube_client *client,
	const struct access_attributes *attributes,
	void (*on_answer)(void *context, const struct access_review_answer *answer), void *context,
	struct error *err)
{
	struct review *review = calloc(1, sizeof(*review));

	if (!review) {
		(void)error_errno(err, ENOMEM, "POST %s", ACCESS_TARGET);
		return NULL;
	}
	review->target = ACCESS_TARGET;
	review->on_access = on_answer;
	review->context = context;
	if (send_body(review, client, review_json_of_access(attributes), err) == 0)
		return review;
	free_review(review);
	return NULL;
}

void review_cancel(struct review *review)
{
	if (review->answering)
		return;
	kube_call_cancel(review->call);
	free_review(review);
}
