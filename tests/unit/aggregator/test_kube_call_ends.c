/* aggregator/kube/kube_client: how calls end before their answer does: by time, and by their owner.
 */
#include "aggregator/kube/kube_client.h"

#include "base/clock.h"
#include "tests/harness/kube_caller.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct kube_double *server;
	struct kube_caller *caller;
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

static uint64_t counted(struct world *world, const char *name, const char *label, const char *value)
{
	return kube_caller_counted(world->caller, name, label, value);
}

static uint64_t failures(struct world *world, const char *reason)
{
	return counted(world, "tacho_aggregator_kube_failures_total", "reason", reason);
}

/* --- time ------------------------------------------------------------------------------------- */

static void hang(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_wait(exchange, 120000);
}

static void trickle(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_begin(exchange, 200, "text/plain");
	while (kube_exchange_wait(exchange, 50))
		(void)kube_exchange_send_text(exchange, ".");
}

static void speak_then_hang(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_begin(exchange, 200, "text/plain");
	for (int i = 0; i < 8 && kube_exchange_wait(exchange, 100); i++)
		(void)kube_exchange_send_text(exchange, ".");
	hang(exchange, NULL);
}

static void gives_up_in_time(void **state)
{
	static const struct {
		const char *what;
		kube_handler handler;
		uint64_t timeout_ms, silence_ms, at_least_ms;
		const char *reason;
	} CASES[] = {
		{"no answer, time-out", hang, 300, 0, 300, "timeout"},
		{"no answer, silence", hang, 0, 300, 300, "silence"},
		{"bytes all the time", trickle, 600, 30000, 600, "timeout"},
		{"bytes for a while", speak_then_hang, 0, 2000, 2600, "silence"},
		{"both, time-out first", hang, 300, 30000, 300, "timeout"},
		{"both, silence first", hang, 30000, 300, 300, "silence"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/slow");
		uint64_t before = failures(world, CASES[i].reason), start = wait_now_ms(), took;

		kube_double_on(world->server, "/slow", CASES[i].handler, NULL);
		asked.request.on_data = kube_asked_take;
		asked.request.timeout_ns = CASES[i].timeout_ms * NS_PER_MS;
		asked.request.silence_ns = CASES[i].silence_ms * NS_PER_MS;
		kube_asked_ask(&asked);
		took = wait_now_ms() - start;
		assert_int_equal(asked.status, 0);
		if (failures(world, CASES[i].reason) != before + 1 || took < CASES[i].at_least_ms ||
			took > CASES[i].at_least_ms + 20000)
			fail_msg("%s: %s after %llu ms", CASES[i].what, asked.failure,
				(unsigned long long)took);
		kube_asked_forget(&asked);
	}
}

static void goes_on_while_bytes_come(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/slow");

	kube_double_on(world->server, "/slow", trickle, NULL);
	asked.request.on_data = kube_asked_take;
	asked.request.timeout_ns = 0;
	asked.request.silence_ns = 5 * NS_PER_SECOND;
	kube_asked_send(&asked);
	kube_caller_run_for(world->caller, 7000);
	assert_false(asked.done);
	assert_true(asked.data.length > 0);
	kube_call_cancel(asked.call);
	kube_asked_forget(&asked);
}

static void gives_up_a_silent_port(void **state)
{
	struct world *world = *state;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];
	struct kube_config config = {.server = url, .insecure = true};
	struct kube_asked asked;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", ntohs(address.sin_port));
	kube_caller_connect(world->caller, &config);
	asked = kube_asked_prepare(world->caller, "/version");
	asked.request.timeout_ns = 0;
	asked.request.silence_ns = 500 * NS_PER_MS;
	kube_asked_ask(&asked); /* TCP is there, TLS says nothing */
	assert_int_equal(failures(world, "silence"), 1);
	(void)close(fd);
	kube_asked_forget(&asked);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void cancels_at_every_stage(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (unsigned ms = 0; ms < 120; ms += ms < 20 ? 1 : 10) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/slow");

		asked.request.on_data = kube_asked_take;
		kube_asked_send(&asked);
		if (ms > 0)
			kube_caller_run_for(world->caller, ms);
		kube_call_cancel(asked.call);
		kube_caller_run_for(world->caller, 2);
		assert_false(asked.done);
		kube_asked_forget(&asked);
		if (ms % 3 == 0)
			kube_double_cut(world->server); /* a new handshake the next time */
	}
	assert_true(counted(world, "tacho_aggregator_kube_cancelled_total", NULL, NULL) > 20);
	assert_int_equal(counted(world, "tacho_aggregator_kube_calls", NULL, NULL), 0);
}

static int cancel_own(void *context, const void *data, size_t size)
{
	struct kube_asked *asked = context;

	(void)data;
	(void)size;
	asked->pieces++;
	asked->done = true; /* the test waits for it */
	kube_call_cancel(asked->call);
	return asked->refuse_after >= 0 ? -EIO : 0;
}

static void cancels_from_its_own_data(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (int refuse = -1; refuse < 1; refuse++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/slow");

		asked.refuse_after = refuse;
		asked.request.on_data = cancel_own;
		kube_asked_send(&asked);
		kube_caller_run_until(world->caller, &asked.done);
		kube_caller_run_for(world->caller, 300);
		assert_int_equal(asked.pieces, 1);
		assert_int_equal(asked.done_count, 0);
		kube_asked_forget(&asked);
	}
}

struct meddler {
	struct kube_asked asked;    /* first */
	struct kube_asked *victim;  /* cancelled from within */
	struct kube_asked follower; /* sent from within */
	bool meddled;
};

static void meddle(struct meddler *meddler)
{
	if (meddler->meddled)
		return;
	meddler->meddled = true;
	kube_call_cancel(meddler->victim->call);
	meddler->follower = kube_asked_prepare(meddler->asked.caller, "/version");
	kube_asked_send(&meddler->follower);
}

static int meddle_in_data(void *context, const void *data, size_t size)
{
	(void)data;
	(void)size;
	meddle(context);
	return 0;
}

static void meddle_when_done(void *context, const struct kube_response *response)
{
	struct meddler *meddler = context;

	kube_asked_done(context, response);
	meddle(meddler);
	kube_call_cancel(meddler->asked.call); /* does nothing */
}

/* From on_data curl is in the way, from on_done it is not. */
static void sends_and_cancels_from_callbacks(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	kube_double_answer(world->server, "/version", 200, NULL, "1");
	for (int in_data = 0; in_data < 2; in_data++) {
		struct kube_asked victim = kube_asked_prepare(world->caller, "/slow");
		struct meddler meddler = {
			kube_asked_prepare(world->caller, in_data ? "/slow" : "/version"), &victim,
			{0}, false};
		struct error err;

		victim.request.on_data = kube_asked_take;
		kube_asked_send(&victim);
		meddler.asked.request.context = &meddler;
		meddler.asked.request.on_done = meddle_when_done;
		if (in_data)
			meddler.asked.request.on_data = meddle_in_data;
		meddler.asked.call =
			kube_client_send(world->caller->client, &meddler.asked.request, &err);
		assert_non_null(meddler.asked.call);
		kube_caller_run_until(world->caller, &meddler.meddled);
		kube_caller_run_until(world->caller, &meddler.follower.done);
		assert_int_equal(meddler.follower.status, 200);
		kube_caller_run_for(world->caller, 200);
		assert_false(victim.done);
		if (in_data)
			kube_call_cancel(meddler.asked.call);
		kube_asked_forget(&victim);
		kube_asked_forget(&meddler.asked);
		kube_asked_forget(&meddler.follower);
	}
}

static void frees_with_calls_under_way(void **state)
{
	struct world *world = *state;
	struct kube_config config = kube_double_config(world->server);
	struct kube_asked asked[20];

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (unsigned ms = 0; ms < 300; ms += 60) {
		for (size_t i = 0; i < 20; i++) {
			asked[i] = kube_asked_prepare(world->caller, "/slow");
			asked[i].request.on_data = kube_asked_take;
			kube_asked_send(&asked[i]);
		}
		kube_caller_run_for(world->caller, ms);
		kube_client_free(world->caller->client);
		world->caller->client = NULL;
		kube_caller_run_for(world->caller, 1);
		for (size_t i = 0; i < 20; i++) {
			assert_false(asked[i].done);
			kube_asked_forget(&asked[i]);
		}
		kube_caller_connect(world->caller, &config);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(gives_up_in_time),
		TEST(goes_on_while_bytes_come),
		TEST(gives_up_a_silent_port),
		TEST(cancels_at_every_stage),
		TEST(cancels_from_its_own_data),
		TEST(sends_and_cancels_from_callbacks),
		TEST(frees_with_calls_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
