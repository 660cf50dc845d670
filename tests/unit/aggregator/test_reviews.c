/* aggregator/kube/reviews: questions to a server, and what comes of every kind of answer. */
#include "aggregator/kube/reviews.h"

#include "tests/harness/kube_caller.h"
#include "tests/harness/kube_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKENS "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS "/apis/authorization.k8s.io/v1/subjectaccessreviews"

struct world {
	struct kube_double *server;
	struct kube_caller *caller;
};

/* One question. */
struct asked {
	struct review *review;
	bool done;
	unsigned count;
	char failure[512], reason[512], name[64];
	bool yes, cancel_own;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->caller = kube_caller_new();
	config = kube_double_config(world->server);
	kube_caller_connect(world->caller, &config);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	kube_caller_free(world->caller);
	kube_double_stop(world->server);
	free(world);
	return 0;
}

static void note(struct asked *asked, const char *failure, bool yes, const char *reason)
{
	asked->done = true;
	asked->count++;
	(void)snprintf(asked->failure, sizeof(asked->failure), "%s", failure ? failure : "");
	(void)snprintf(asked->reason, sizeof(asked->reason), "%s", reason);
	asked->yes = yes;
	if (asked->cancel_own)
		review_cancel(asked->review); /* does nothing */
}

static void on_token(void *context, const struct token_review_answer *answer)
{
	struct asked *asked = context;

	if (answer->user)
		(void)snprintf(asked->name, sizeof(asked->name), "%s", answer->user->name);
	note(asked, answer->failure, answer->authenticated, answer->reason);
}

static void on_access(void *context, const struct access_review_answer *answer)
{
	note(context, answer->failure, answer->allowed, answer->reason);
}

static void ask_token(
	struct world *world, struct asked *asked, const char *token, const char *audience)
{
	struct error err;

	asked->review =
		token_review_send(world->caller->client, token, audience, on_token, asked, &err);
	assert_non_null(asked->review);
	assert_false(asked->done);
}

static void ask_access(struct world *world, struct asked *asked)
{
	struct user user = {0};
	struct access_attributes attributes = {.user = &user, .verb = "get", .path = "/metrics"};
	struct error err;

	assert_int_equal(user_set_name(&user, "jane"), 0);
	asked->review =
		access_review_send(world->caller->client, &attributes, on_access, asked, &err);
	assert_non_null(asked->review);
	user_free(&user);
}

/* Answers as kube-apiserver does: "good" is someone, for the audience that was asked for. */
static void review_tokens(struct kube_exchange *exchange, void *context)
{
	const char *body = kube_exchange_body(exchange, NULL);
	const char *audiences =
		strstr(body, "\"audiences\":[\"tacho\"]") ? ",\"audiences\":[\"tacho\"]" : "";
	char answer[512];

	(void)context;
	if (strstr(body, "\"token\":\"good\""))
		(void)snprintf(answer, sizeof(answer),
			"{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true,\"user\":{"
			"\"username\":\"jane\"}%s}}",
			audiences);
	else
		(void)snprintf(answer, sizeof(answer),
			"{\"kind\":\"TokenReview\",\"status\":{\"user\":{},\"error\":\"expired\"}}");
	(void)kube_exchange_reply_text(exchange, 201, "application/json", answer);
}

static void reviews_tokens(void **state)
{
	struct world *world = *state;
	struct asked good = {.cancel_own = true}, bad = {0}, elsewhere = {0};
	char *text;

	kube_double_on(world->server, TOKENS, review_tokens, NULL);
	ask_token(world, &good, "good", "tacho");
	ask_token(world, &bad, "bad", "tacho");
	ask_token(world, &elsewhere, "good", "others");
	kube_caller_run_until(world->caller, &good.done);
	kube_caller_run_until(world->caller, &bad.done);
	kube_caller_run_until(world->caller, &elsewhere.done);
	assert_true(good.yes);
	assert_string_equal(good.failure, "");
	assert_string_equal(good.name, "jane");
	assert_false(bad.yes);
	assert_string_equal(bad.failure, "");
	assert_string_equal(bad.reason, "expired");
	assert_string_equal(bad.name, "");
	assert_false(elsewhere.yes);
	assert_string_equal(elsewhere.failure, "");
	text = kube_double_request(world->server, TOKENS, 0);
	assert_non_null(strstr(text, "POST " TOKENS " HTTP/1.1\r\n"));
	assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
	free(text);
}

static void reviews_access(void **state)
{
	struct world *world = *state;
	struct asked yes = {.cancel_own = true}, no = {0};
	char *text;

	kube_double_answer(world->server, ACCESS, 201, "application/json",
		"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":true,\"reason\":\"RBAC\"}}");
	ask_access(world, &yes);
	kube_caller_run_until(world->caller, &yes.done);
	assert_true(yes.yes);
	assert_string_equal(yes.reason, "RBAC");
	kube_double_answer(world->server, ACCESS, 201, "application/json",
		"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":false}}");
	ask_access(world, &no);
	kube_caller_run_until(world->caller, &no.done);
	assert_false(no.yes);
	assert_string_equal(no.failure, "");
	text = kube_double_request(world->server, ACCESS, 0);
	assert_non_null(strstr(text, "\"nonResourceAttributes\""));
	free(text);
}

/* Neither yes nor no: whatever is not a whole answer. */
static void fails_closed(void **state)
{
	static const struct {
		int status;
		const char *body, *why;
	} CASES[] = {
		{403, "{\"kind\":\"Status\",\"message\":\"tokenreviews is forbidden\"}",
			"kube-apiserver answers 403: tokenreviews is forbidden"},
		{500, "", "kube-apiserver answers 500"},
		{429, "<html>", "kube-apiserver answers 429"},
		{302, "", "kube-apiserver answers 302"},
		{200, "", "not understood"},
		{201, "{\"kind\":\"Status\",\"status\":\"Success\"}", "not understood"},
		{201, "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":\"yes\"}}",
			"not understood"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct asked token = {0}, access = {0};

		kube_double_answer(
			world->server, TOKENS, CASES[i].status, "application/json", CASES[i].body);
		kube_double_answer(
			world->server, ACCESS, CASES[i].status, "application/json", CASES[i].body);
		ask_token(world, &token, "secret-token", "tacho");
		ask_access(world, &access);
		kube_caller_run_until(world->caller, &token.done);
		kube_caller_run_until(world->caller, &access.done);
		if (token.yes || access.yes || !strstr(token.failure, CASES[i].why) ||
			!strstr(access.failure, CASES[i].status == 403 ? "403" : CASES[i].why))
			fail_msg("%s: %s, %s", CASES[i].body, token.failure, access.failure);
		assert_null(strstr(token.failure, "secret"));
	}
}

static void fails_without_a_server(void **state)
{
	struct world *world = *state;
	struct asked token = {0}, access = {0};

	kube_double_stop(world->server);
	world->server = NULL;
	ask_token(world, &token, "good", "tacho");
	ask_access(world, &access);
	kube_caller_run_until(world->caller, &token.done);
	kube_caller_run_until(world->caller, &access.done);
	assert_false(token.yes);
	assert_non_null(strstr(token.failure, "POST " TOKENS ": asking https://"));
	assert_false(access.yes);
	assert_non_null(strstr(access.failure, "POST " ACCESS ": asking https://"));
}

static void answer_late(struct kube_exchange *exchange, void *context)
{
	if (kube_exchange_wait(exchange, 200))
		review_tokens(exchange, context);
}

static void forgets_what_is_cancelled(void **state)
{
	struct world *world = *state;
	struct asked kept = {0}, cancelled = {0}, other = {0};

	kube_double_on(world->server, TOKENS, answer_late, NULL);
	ask_token(world, &kept, "good", NULL);
	ask_token(world, &cancelled, "good", NULL);
	ask_access(world, &other);
	review_cancel(other.review);
	kube_caller_run_for(world->caller, 50);
	review_cancel(cancelled.review);
	kube_caller_run_until(world->caller, &kept.done);
	kube_caller_run_for(world->caller, 300);
	assert_true(kept.yes);
	assert_int_equal(kept.count, 1);
	assert_int_equal(cancelled.count, 0);
	assert_int_equal(other.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reviews_tokens),
		TEST(reviews_access),
		TEST(fails_closed),
		TEST(fails_without_a_server),
		TEST(forgets_what_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
