/* aggregator/access/questions: the line before kube-apiserver, in a loop of the test's own. */
#include "aggregator/access/questions.h"

#include "tests/harness/kube_double.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKENS "/apis/authentication.k8s.io/v1/tokenreviews"
#define YES                                                                                  \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\",\"status\":{" \
	"\"authenticated\":true,\"user\":{\"username\":\"tom\"}}}"

static struct kube_double *kube;
static struct event_base *base;
static struct kube_client *client;
static struct telemetry *telemetry;
static struct questions *questions;
static atomic_bool hold;
static unsigned kept; /* answers that came to on_answer */

struct asker {
	struct question_waiter waiter; /* first */
	unsigned calls;
	bool yes;
	char failure[200];
	struct asker *ask_again; /* of the same, from within the answer */
};

static void review(struct kube_exchange *exchange, void *context)
{
	(void)context;
	while (atomic_load(&hold))
		if (!kube_exchange_wait(exchange, 10))
			return;
	(void)kube_exchange_reply_text(exchange, 201, "application/json", YES);
}

static void keep(void *context, const struct review_key *key, struct review_answer *answer)
{
	(void)context;
	(void)key;
	assert_true(answer->yes);
	assert_string_equal(answer->user->name, "tom");
	kept++;
}

static void start(size_t max_asked, size_t max_waiting)
{
	struct kube_config config;
	struct kube_client_options client_options;
	struct questions_options options;
	struct error err;

	(void)signal(SIGPIPE, SIG_IGN);
	atomic_store(&hold, true);
	kept = 0;
	kube = kube_double_start(NULL);
	kube_double_on(kube, TOKENS, review, NULL);
	telemetry = telemetry_new();
	base = event_base_new();
	config = kube_double_config(kube);
	client_options = (struct kube_client_options){
		.config = &config, .base = base, .telemetry = telemetry};
	client = kube_client_new(&client_options, &err);
	assert_non_null(client);
	options = (struct questions_options){.kind = REVIEW_TOKEN,
		.client = client,
		.max_asked = max_asked,
		.max_waiting = max_waiting,
		.telemetry = telemetry,
		.on_answer = keep};
	questions = questions_new(&options);
	assert_non_null(questions);
}

static int stop(void **state)
{
	(void)state;
	questions_free(questions);
	kube_client_free(client);
	event_base_free(base);
	kube_double_stop(kube);
	telemetry_free(telemetry);
	return 0;
}

static void turn_until(bool (*condition)(void *context), void *context, unsigned patience_ms)
{
	uint64_t end = wait_now_ms() + patience_ms;

	while (!condition(context) && wait_now_ms() < end) {
		const struct timeval step = {.tv_usec = 10000};

		(void)event_base_loopexit(base, &step);
		(void)event_base_dispatch(base);
	}
	assert_true(condition(context));
}

static bool was_called(void *asker)
{
	return ((struct asker *)asker)->calls > 0;
}

static bool has_asked(void *number)
{
	return kube_double_count(kube, TOKENS) >= *(unsigned *)number;
}

static int ask(struct asker *asker, const char *token);

static void answered(
	struct question_waiter *waiter, const struct review_answer *answer, const char *failure)
{
	struct asker *asker = (struct asker *)waiter;

	asker->calls++;
	asker->yes = answer && answer->yes;
	(void)snprintf(asker->failure, sizeof(asker->failure), "%s", failure ? failure : "");
	if (asker->ask_again)
		assert_int_equal(ask(asker->ask_again, waiter->token), 0);
}

static int ask(struct asker *asker, const char *token)
{
	struct review_key key = {{0}};
	struct error err;

	(void)snprintf((char *)key.bytes, sizeof(key.bytes), "%s", token);
	asker->waiter.token = token;
	asker->waiter.token_length = strlen(token);
	asker->waiter.on_answer = answered;
	return questions_ask(questions, &key, &asker->waiter, &err);
}

static uint64_t gauge(const char *name)
{
	return telemetry_get(telemetry_gauge(telemetry, name, "", NULL, NULL));
}

static void so_many_are_asked_and_the_others_stand_in_line(void **state)
{
	struct asker asker[7] = {0};
	unsigned two = 2, five = 5;

	(void)state;
	start(2, 6);
	assert_int_equal(ask(&asker[0], "a"), 0);
	assert_int_equal(ask(&asker[1], "b"), 0);
	assert_int_equal(ask(&asker[2], "c"), 0);
	assert_int_equal(ask(&asker[3], "d"), 0);
	assert_int_equal(ask(&asker[4], "a"), 0);
	assert_int_equal(ask(&asker[5], "d"), 0);
	assert_int_equal(ask(&asker[6], "e"), -EBUSY);
	assert_int_equal(ask(&asker[6], "a"), -EBUSY);
	turn_until(has_asked, &two, 20000);
	wait_ms(100);
	assert_int_equal(kube_double_count(kube, TOKENS), 2);
	assert_int_equal(gauge("tacho_aggregator_reviews_in_flight"), 2);
	assert_int_equal(gauge("tacho_aggregator_reviews_waiting"), 6);
	/* one who leaves makes room for one who comes */
	questions_leave(questions, &asker[4].waiter);
	assert_int_equal(ask(&asker[6], "e"), 0);
	atomic_store(&hold, false);
	turn_until(was_called, &asker[6], 20000);
	for (int i = 0; i < 7; i++) {
		turn_until(was_called, &asker[i == 4 ? 0 : i], 20000);
		assert_int_equal(asker[i].calls, i == 4 ? 0 : 1);
		assert_int_equal(asker[i].yes, i != 4);
	}
	assert_true(has_asked(&five));
	assert_int_equal(kube_double_count(kube, TOKENS), 5);
	assert_int_equal(kept, 5);
	assert_int_equal(gauge("tacho_aggregator_reviews_in_flight"), 0);
	assert_int_equal(gauge("tacho_aggregator_reviews_waiting"), 0);
}

static void who_is_answered_may_ask_again(void **state)
{
	struct asker again = {0}, first = {.ask_again = &again}, second = {0};

	(void)state;
	start(1, 10);
	assert_int_equal(ask(&first, "a"), 0);
	assert_int_equal(ask(&second, "b"), 0);
	atomic_store(&hold, false);
	turn_until(was_called, &again, 20000);
	turn_until(was_called, &second, 20000);
	assert_int_equal(first.calls, 1);
	assert_int_equal(kube_double_count(kube, TOKENS), 3);
}

static void an_answer_that_nobody_waits_for_is_kept(void **state)
{
	struct asker asked = {0}, in_line = {0}, last = {0};
	unsigned one = 1;

	(void)state;
	start(1, 10);
	assert_int_equal(ask(&asked, "a"), 0);
	assert_int_equal(ask(&in_line, "b"), 0);
	turn_until(has_asked, &one, 20000);
	questions_leave(questions, &asked.waiter);
	questions_leave(questions, &in_line.waiter);
	assert_int_equal(ask(&last, "c"), 0);
	atomic_store(&hold, false);
	turn_until(was_called, &last, 20000);
	assert_int_equal(asked.calls + in_line.calls, 0);
	assert_int_equal(kept, 2);
	assert_int_equal(kube_double_count(kube, TOKENS), 2);
}

/* A time-out of ours is 10 s: whoever stood in line for as long has waited enough. */
static void nobody_waits_without_end(void **state)
{
	struct asker asked = {0}, in_line = {0};
	uint64_t begun_ms;

	(void)state;
	start(1, 10);
	begun_ms = wait_now_ms();
	assert_int_equal(ask(&asked, "a"), 0);
	assert_int_equal(ask(&in_line, "b"), 0);
	turn_until(was_called, &asked, 40000);
	turn_until(was_called, &in_line, 20000);
	assert_true(wait_now_ms() - begun_ms >= 10000);
	assert_true(asked.failure[0] != '\0');
	assert_string_equal(in_line.failure, "too many other questions stood before it");
	assert_int_equal(kept, 0);
	assert_int_equal(kube_double_count(kube, TOKENS), 1);
}

static void all_can_be_forgotten_at_any_time(void **state)
{
	static struct asker asker[4];
	unsigned one = 1;

	(void)state;
	start(1, 10);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(&asker[i], i < 2 ? "a" : "b"), 0);
	turn_until(has_asked, &one, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(so_many_are_asked_and_the_others_stand_in_line, stop),
		cmocka_unit_test_teardown(who_is_answered_may_ask_again, stop),
		cmocka_unit_test_teardown(an_answer_that_nobody_waits_for_is_kept, stop),
		cmocka_unit_test_teardown(nobody_waits_without_end, stop),
		cmocka_unit_test_teardown(all_can_be_forgotten_at_any_time, stop),
	};

	return cmocka_run_group_tests_name("questions", tests, NULL, NULL);
}
