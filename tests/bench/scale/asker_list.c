#include "tests/bench/scale/asker_list.h"

#include "base/clock.h"
#include "tests/bench/scale/asker_call.h"
#include "tests/bench/scale/asker_meter.h"
#include "tests/bench/scale/asker_requests.h"
#include "tests/bench/scale/asker_tally.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define OPEN_AGAIN_NS (500 * NS_PER_MS) /* after a failure */

struct list {
	const struct asker_options *options;
	struct asker_place place;
	struct asker_requests *requests;
	struct asker_call call;
	struct asker_tally tally;
	struct asker_meter meter;
	json_t *bytes, *plain_bytes, *first_byte_ms, *total_ms; /* one entry an answer */
	bool was_open;
};

/* --- waiting ---------------------------------------------------------------------------------- */

static void sleep_until(uint64_t at_ns)
{
	const struct timespec time = {
		(time_t)(at_ns / NS_PER_SECOND), (long)(at_ns % NS_PER_SECOND)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

/* For the next news; of ASKER_FAILED the call is closed. */
static enum asker_news await(struct list *list, enum asker_failure late)
{
	uint64_t until_ns = clock_monotonic_ns() + list->options->timeout_ns;
	enum asker_news news = ASKER_NOTHING;

	while (news == ASKER_NOTHING) {
		uint64_t now_ns = clock_monotonic_ns();
		struct epoll_event event;
		int count;

		if (now_ns >= until_ns) {
			(void)error_set(&list->call.error, ETIMEDOUT, "not in time");
			asker_call_abandon(&list->call, late);
			return ASKER_FAILED;
		}
		count = epoll_wait(
			list->place.epoll, &event, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1);
		if (count == 1)
			news = asker_call_step(&list->call, event.events);
	}
	return news;
}

/* --- one answer ------------------------------------------------------------------------------- */

static int failed(struct list *list)
{
	asker_tally_fail(&list->tally, list->call.failure, &list->call.error);
	return -EIO;
}

static int open_call(struct list *list)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (list->call.link.state == ASKER_LINK_OPEN)
		return 0;
	list->tally.reconnects += list->was_open;
	if (asker_call_open(&list->call, &list->place, 0, now_ns) < 0 ||
		await(list, ASKER_FAILURE_HANDSHAKE) != ASKER_READY)
		return failed(list);
	list->was_open = true;
	asker_histogram_add(&list->tally.handshake, clock_monotonic_ns() - now_ns);
	return 0;
}

static void append(json_t *array, uint64_t number)
{
	(void)json_array_append_new(array, json_integer((json_int_t)number));
}

static void append_ms(json_t *array, uint64_t ns)
{
	(void)json_array_append_new(array, json_real((double)ns / 1e6));
}

static void count_answer(struct list *list, uint64_t asked_ns, uint64_t now_ns)
{
	struct asker_call *call = &list->call;

	asker_call_count(call, &list->tally, now_ns - asked_ns, list->options->items);
	append(list->bytes, call->answer.body_bytes);
	append_ms(list->first_byte_ms, (call->first_ns ? call->first_ns : now_ns) - asked_ns);
	append_ms(list->total_ms, now_ns - asked_ns);
	if (call->body.counts)
		append(list->plain_bytes, call->body.plain_bytes);
}

static int ask(struct list *list)
{
	size_t length;
	const char *request;
	uint64_t asked_ns;

	if (open_call(list) < 0)
		return -EIO;
	request = asker_requests_next(list->requests, &length);
	asked_ns = clock_monotonic_ns();
	if (asker_call_ask(&list->call, request, length) < 0 ||
		await(list, ASKER_FAILURE_TIMEOUT) != ASKER_ANSWERED)
		return failed(list);
	count_answer(list, asked_ns, clock_monotonic_ns());
	if (!asker_call_reusable(&list->call))
		asker_link_close(&list->call.link);
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void run(struct list *list)
{
	uint64_t next_ns = clock_monotonic_ns();

	asker_meter_begin(&list->meter);
	for (uint64_t i = 0; i < list->options->count; i++) {
		if (i > 0 && list->options->every_ns > 0)
			sleep_until(next_ns += list->options->every_ns);
		if (ask(list) < 0 && i + 1 < list->options->count)
			sleep_until(clock_monotonic_ns() + OPEN_AGAIN_NS);
	}
	asker_meter_end(&list->meter);
}

static int report(struct list *list, struct error *err)
{
	json_t *object = asker_tally_json(&list->tally, asker_meter_seconds(&list->meter));

	if (object) {
		asker_meter_tell(&list->meter, object);
		(void)json_object_set(object, "bytes", list->bytes);
		if (list->call.body.counts)
			(void)json_object_set(object, "plain_bytes", list->plain_bytes);
		(void)json_object_set(object, "first_byte_ms", list->first_byte_ms);
		(void)json_object_set(object, "total_ms", list->total_ms);
	}
	if (asker_tally_print(object) < 0)
		return error_set(err, EIO, "the report can't be written");
	return list->tally.requests > 0
		       ? 0
		       : error_set(err, EIO, "no answer: %s", list->tally.first_failure);
}

static int prepare(struct list *list, struct error *err)
{
	int r = asker_place_init(&list->place, list->options, err);

	if (r == 0)
		r = asker_meter_init(&list->meter, list->options->server_pid, err);
	if (r < 0)
		return r;
	list->requests = asker_requests_new(list->options, err);
	if (!list->requests)
		return -EINVAL;
	list->bytes = json_array();
	list->plain_bytes = json_array();
	list->first_byte_ms = json_array();
	list->total_ms = json_array();
	list->call.times_first = true;
	list->call.body.counts = list->options->items != ASKER_ANY_ITEMS;
	return 0;
}

int asker_list(const struct asker_options *options, struct error *err)
{
	struct list *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return error_errno(err, ENOMEM, "list");
	list->options = options;
	r = prepare(list, err);
	if (r == 0) {
		run(list);
		r = report(list, err);
	}
	json_decref(list->bytes);
	json_decref(list->plain_bytes);
	json_decref(list->first_byte_ms);
	json_decref(list->total_ms);
	asker_call_free(&list->call);
	asker_requests_free(list->requests);
	asker_place_free(&list->place);
	free(list);
	return r;
}
