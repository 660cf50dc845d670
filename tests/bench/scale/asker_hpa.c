#include "tests/bench/scale/asker_hpa.h"

#include "base/clock.h"
#include "tests/bench/scale/asker_call.h"
#include "tests/bench/scale/asker_meter.h"
#include "tests/bench/scale/asker_requests.h"
#include "tests/bench/scale/asker_tally.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#define BATCH         256
#define OPEN_NS       (10 * NS_PER_SECOND) /* for all connections, before anything is asked */
#define GRACE_NS      (5 * NS_PER_SECOND)  /* for the last answers */
#define LOOK_NS       (100 * NS_PER_MS)    /* from one look at what is overdue to the next */
#define OPEN_AGAIN_NS (500 * NS_PER_MS)    /* after a failure */

struct client {
	struct asker_call call;
	uint64_t intended_ns;
	uint64_t open_again_ns; /* when it is closed; 0: it never was open */
	bool idle;              /* in the queue of those that can ask */
	bool was_open;
	bool tried; /* has asked once, before all others are asked */
};

struct hpa {
	const struct asker_options *options;
	struct asker_place place;
	struct asker_requests *requests;
	struct client *client;
	uint32_t *queue; /* a ring of idle clients; at most one place each */
	size_t queue_head, queue_count;
	size_t open, busy, tried;
	bool running;                        /* questions may be asked */
	uint64_t asked_index;                /* of the next request, open loop */
	uint64_t start_ns, begin_ns, end_ns; /* asking, counting */
	uint64_t look_ns, tell_ns;
	struct asker_tally tally;
	uint64_t told_requests;
	struct asker_meter meter;
};

/* --- the queue of idle clients ---------------------------------------------------------------- */

static void enqueue(struct hpa *hpa, struct client *client)
{
	size_t size = hpa->options->connections;

	if (client->idle)
		return;
	client->idle = true;
	hpa->queue[(hpa->queue_head + hpa->queue_count++) % size] =
		(uint32_t)(client - hpa->client);
}

/* The one that is idle longest, and still open. NULL when there is none. */
static struct client *dequeue(struct hpa *hpa)
{
	while (hpa->queue_count > 0) {
		struct client *client = &hpa->client[hpa->queue[hpa->queue_head]];

		hpa->queue_head = (hpa->queue_head + 1) % hpa->options->connections;
		hpa->queue_count--;
		client->idle = false;
		if (client->call.link.state == ASKER_LINK_OPEN && !client->call.asking)
			return client;
	}
	return NULL;
}

/* --- one client ------------------------------------------------------------------------------- */

static void on_closed(struct hpa *hpa, struct client *client, uint64_t now_ns)
{
	if (client->was_open)
		hpa->open--;
	client->was_open = false;
	client->open_again_ns = now_ns + OPEN_AGAIN_NS;
}

/* What it asked before the others begin came to an end. */
static void on_tried(struct hpa *hpa, struct client *client)
{
	hpa->tried += !client->tried;
	client->tried = true;
}

static bool counts(const struct hpa *hpa, uint64_t intended_ns)
{
	return hpa->running && intended_ns >= hpa->begin_ns && intended_ns < hpa->end_ns;
}

static void on_failed(struct hpa *hpa, struct client *client, bool asked, uint64_t now_ns)
{
	enum asker_failure failure = client->call.failure;

	if (asked) {
		hpa->busy--;
		on_tried(hpa, client);
	}
	/* An idle connection may be closed: that is no failed request. */
	if (asked ? counts(hpa, client->intended_ns) : failure != ASKER_FAILURE_CLOSED)
		asker_tally_fail(&hpa->tally, failure, &client->call.error);
	on_closed(hpa, client, now_ns);
}

static void open_client(struct hpa *hpa, struct client *client, uint64_t now_ns)
{
	if (client->open_again_ns)
		hpa->tally.reconnects++;
	if (asker_call_open(&client->call, &hpa->place, (uint64_t)(client - hpa->client), now_ns) <
		0)
		on_failed(hpa, client, false, now_ns);
}

/* Without waiting: it was not the server that failed. */
static void reopen(struct hpa *hpa, struct client *client, uint64_t now_ns)
{
	asker_link_close(&client->call.link);
	on_closed(hpa, client, now_ns);
	open_client(hpa, client, now_ns);
}

static void ask(struct hpa *hpa, struct client *client, uint64_t intended_ns)
{
	size_t length;
	const char *request = asker_requests_next(hpa->requests, &length);

	client->intended_ns = intended_ns;
	hpa->busy++;
	if (asker_call_ask(&client->call, request, length) < 0)
		on_failed(hpa, client, true, clock_monotonic_ns());
}

/* It can ask: now, in a closed loop. */
static void on_idle(struct hpa *hpa, struct client *client, uint64_t now_ns)
{
	if (hpa->running && hpa->options->rate == 0) {
		if (now_ns < hpa->end_ns)
			ask(hpa, client, now_ns);
	} else {
		enqueue(hpa, client);
	}
}

static void on_event(struct hpa *hpa, const struct epoll_event *event)
{
	struct client *client = &hpa->client[event->data.u64];
	bool asking = client->call.asking;
	enum asker_news news = asker_call_step(&client->call, event->events);
	uint64_t now_ns;

	if (news == ASKER_NOTHING)
		return;
	now_ns = clock_monotonic_ns();
	switch (news) {
	case ASKER_READY:
		hpa->open++;
		client->was_open = true;
		asker_histogram_add(&hpa->tally.handshake, now_ns - client->call.opened_ns);
		/* A client's handshake may be over long before its server's: the first answer
		 * tells. */
		if (client->tried)
			on_idle(hpa, client, now_ns);
		else
			ask(hpa, client, now_ns);
		break;
	case ASKER_ANSWERED:
		hpa->busy--;
		on_tried(hpa, client);
		if (counts(hpa, client->intended_ns))
			asker_call_count(&client->call, &hpa->tally, now_ns - client->intended_ns,
				hpa->options->items);
		if (asker_call_reusable(&client->call))
			on_idle(hpa, client, now_ns);
		else
			reopen(hpa, client, now_ns);
		break;
	case ASKER_FAILED:
		on_failed(hpa, client, asking, now_ns);
		break;
	default:
		break;
	}
}

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t intended_ns(const struct hpa *hpa)
{
	return hpa->start_ns + hpa->asked_index * NS_PER_SECOND / hpa->options->rate;
}

/* Asks what is due, as long as someone can ask. When the next one is due, or UINT64_MAX. */
static uint64_t ask_due(struct hpa *hpa, uint64_t now_ns)
{
	while (hpa->running && hpa->options->rate > 0) {
		uint64_t at_ns = intended_ns(hpa);
		struct client *client;

		if (at_ns >= hpa->end_ns)
			break;
		if (at_ns > now_ns)
			return at_ns;
		client = dequeue(hpa);
		if (!client)
			break; /* an answer will wake us */
		hpa->asked_index++;
		ask(hpa, client, at_ns);
	}
	return UINT64_MAX;
}

static void look_at(struct hpa *hpa, struct client *client, uint64_t now_ns)
{
	struct asker_call *call = &client->call;
	bool asking = call->asking;

	if (call->link.state == ASKER_LINK_CLOSED) {
		if (now_ns >= client->open_again_ns)
			open_client(hpa, client, now_ns);
	} else if (asking ? now_ns > client->intended_ns &&
				    now_ns - client->intended_ns > hpa->options->timeout_ns
			  : call->link.state != ASKER_LINK_OPEN &&
				    now_ns - call->opened_ns > hpa->options->timeout_ns) {
		(void)error_set(&call->error, ETIMEDOUT, "%s: not in time",
			asking ? "an answer" : "shaking hands");
		asker_call_abandon(call, asking ? ASKER_FAILURE_TIMEOUT : ASKER_FAILURE_HANDSHAKE);
		on_failed(hpa, client, asking, now_ns);
	}
}

static void look(struct hpa *hpa, uint64_t now_ns)
{
	if (now_ns < hpa->look_ns)
		return;
	hpa->look_ns = now_ns + LOOK_NS;
	for (size_t i = 0; i < hpa->options->connections; i++)
		look_at(hpa, &hpa->client[i], now_ns);
}

static void tell(struct hpa *hpa, uint64_t now_ns)
{
	if (!hpa->options->progress || now_ns < hpa->tell_ns)
		return;
	(void)asker_tally_print(json_pack("{s:f,s:I,s:I,s:I,s:f}", "second",
		(double)(now_ns - hpa->start_ns) / 1e9, "requests",
		(json_int_t)(hpa->tally.requests - hpa->told_requests), "open",
		(json_int_t)hpa->open, "errors", (json_int_t)asker_tally_failures(&hpa->tally),
		"p99_us", (double)asker_histogram_at(&hpa->tally.latency, 990) / 1e3));
	hpa->told_requests = hpa->tally.requests;
	hpa->tell_ns += NS_PER_SECOND;
}

static void wait_for_events(struct hpa *hpa, uint64_t now_ns, uint64_t until_ns)
{
	struct epoll_event event[BATCH];
	uint64_t span_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec timeout = {
		(time_t)(span_ns / NS_PER_SECOND), (long)(span_ns % NS_PER_SECOND)};
	int count = epoll_pwait2(hpa->place.epoll, event, BATCH, &timeout, NULL);

	for (int i = 0; i < count; i++)
		on_event(hpa, &event[i]);
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* All connections, each with an answer or without one in time, or as many as come. */
static int open_all(struct hpa *hpa)
{
	uint64_t now_ns = clock_monotonic_ns(), until_ns = now_ns + OPEN_NS;

	for (size_t i = 0; i < hpa->options->connections; i++)
		open_client(hpa, &hpa->client[i], now_ns);
	while (hpa->tried < hpa->options->connections && now_ns < until_ns) {
		wait_for_events(hpa, now_ns, earlier(until_ns, now_ns + LOOK_NS));
		now_ns = clock_monotonic_ns();
		if (hpa->open == 0 &&
			asker_tally_failures(&hpa->tally) >= hpa->options->connections)
			break; /* nobody is there */
		look(hpa, now_ns);
	}
	return hpa->tried > 0 ? 0 : -ECONNREFUSED;
}

static void start(struct hpa *hpa)
{
	const struct asker_options *options = hpa->options;

	hpa->start_ns = hpa->tell_ns = clock_monotonic_ns();
	hpa->begin_ns = hpa->start_ns + options->warmup_seconds * NS_PER_SECOND;
	hpa->end_ns = hpa->begin_ns + options->seconds * NS_PER_SECOND;
	hpa->running = true;
	for (size_t left = options->rate == 0 ? hpa->queue_count : 0; left > 0; left--) {
		struct client *client = dequeue(hpa);

		if (client)
			on_idle(hpa, client, hpa->start_ns);
	}
}

static void run(struct hpa *hpa)
{
	uint64_t now_ns = hpa->start_ns, due_ns;
	bool begun = false, ended = false;

	while (now_ns < hpa->end_ns + GRACE_NS) {
		if (!begun && now_ns >= hpa->begin_ns) {
			asker_meter_begin(&hpa->meter);
			begun = true;
		}
		if (begun && !ended && now_ns >= hpa->end_ns) {
			asker_meter_end(&hpa->meter);
			ended = true;
		}
		due_ns = ask_due(hpa, now_ns);
		if (ended && hpa->busy == 0 &&
			(hpa->options->rate == 0 || intended_ns(hpa) >= hpa->end_ns))
			return;
		if (!ended)
			due_ns = earlier(due_ns, begun ? hpa->end_ns : hpa->begin_ns);
		wait_for_events(hpa, now_ns, earlier(due_ns, now_ns + LOOK_NS));
		now_ns = clock_monotonic_ns();
		look(hpa, now_ns);
		tell(hpa, now_ns);
	}
}

/* Who waits now waits in vain; those who never could ask, too. */
static void count_unanswered(struct hpa *hpa)
{
	for (size_t i = 0; i < hpa->options->connections; i++)
		if (hpa->client[i].call.asking && counts(hpa, hpa->client[i].intended_ns))
			asker_tally_fail(&hpa->tally, ASKER_FAILURE_UNANSWERED, NULL);
	for (; hpa->options->rate > 0 && intended_ns(hpa) < hpa->end_ns; hpa->asked_index++)
		if (counts(hpa, intended_ns(hpa)))
			asker_tally_fail(&hpa->tally, ASKER_FAILURE_UNANSWERED, NULL);
}

static int report(struct hpa *hpa)
{
	json_t *object = asker_tally_json(&hpa->tally, (double)hpa->options->seconds);

	if (object)
		asker_meter_tell(&hpa->meter, object);
	return asker_tally_print(object);
}

static int prepare(struct hpa *hpa, struct error *err)
{
	size_t count = hpa->options->connections;
	int r = asker_place_init(&hpa->place, hpa->options, err);

	if (r == 0)
		r = asker_meter_init(&hpa->meter, hpa->options->server_pid, err);
	if (r < 0)
		return r;
	hpa->requests = asker_requests_new(hpa->options, err);
	if (!hpa->requests)
		return -EINVAL;
	hpa->client = calloc(count, sizeof(*hpa->client));
	hpa->queue = calloc(count, sizeof(*hpa->queue));
	if (!hpa->client || !hpa->queue)
		return error_errno(err, ENOMEM, "%zu connections", count);
	for (size_t i = 0; i < count; i++)
		hpa->client[i].call.body.counts = hpa->options->items != ASKER_ANY_ITEMS;
	/* Else each sleep is 50 us longer than it should be. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	return 0;
}

int asker_hpa(const struct asker_options *options, struct error *err)
{
	struct hpa *hpa = calloc(1, sizeof(*hpa));
	int r;

	if (!hpa)
		return error_errno(err, ENOMEM, "hpa");
	hpa->options = options;
	hpa->place.epoll = -1;
	r = prepare(hpa, err);
	if (r == 0) {
		r = open_all(hpa);
		if (r < 0)
			(void)error_set(err, -r, "no connection: %s", hpa->tally.first_failure);
	}
	if (r == 0) {
		start(hpa);
		run(hpa);
		count_unanswered(hpa);
		r = report(hpa);
	}
	for (size_t i = 0; hpa->client && i < options->connections; i++)
		asker_call_free(&hpa->client[i].call);
	asker_requests_free(hpa->requests);
	asker_place_free(&hpa->place);
	free(hpa->client);
	free(hpa->queue);
	free(hpa);
	return r;
}
