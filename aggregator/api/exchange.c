#include "aggregator/api/exchange.h"

#include "aggregator/api/server.h"
#include "base/clock.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>

/* Texts, for a series keeps its label. Anything else is counted as "other". */
static const struct {
	int code;
	const char *text;
} CODES[] = {
	{200, "200"},
	{304, "304"},
	{400, "400"},
	{401, "401"},
	{403, "403"},
	{404, "404"},
	{405, "405"},
	{406, "406"},
	{422, "422"},
	{429, "429"},
	{431, "431"},
	{500, "500"},
	{0, "other"},
};

#define CODE_COUNT (sizeof(CODES) / sizeof(CODES[0]))

/* Close together where answers to the HPA are, 25 us to 1 ms; to 10 s, what a review may take. */
static const struct telemetry_bucket DURATIONS[] = {
	{NS_PER_USEC * 25, "0.000025"},
	{NS_PER_USEC * 50, "0.00005"},
	{NS_PER_USEC * 100, "0.0001"},
	{NS_PER_USEC * 250, "0.00025"},
	{NS_PER_USEC * 500, "0.0005"},
	{NS_PER_MS, "0.001"},
	{NS_PER_USEC * 2500, "0.0025"},
	{NS_PER_MS * 5, "0.005"},
	{NS_PER_MS * 10, "0.01"},
	{NS_PER_MS * 25, "0.025"},
	{NS_PER_MS * 50, "0.05"},
	{NS_PER_MS * 100, "0.1"},
	{NS_PER_MS * 250, "0.25"},
	{NS_PER_MS * 500, "0.5"},
	{NS_PER_SECOND, "1"},
	{NS_PER_MS * 2500, "2.5"},
	{NS_PER_SECOND * 5, "5"},
	{NS_PER_SECOND * 10, "10"},
};

#define DURATION_COUNT (sizeof(DURATIONS) / sizeof(DURATIONS[0]))
_Static_assert(DURATION_COUNT <= TELEMETRY_MAX_BUCKETS, "too many buckets");

struct exchange_tally {
	struct telemetry_series *codes[CODE_COUNT];
	struct telemetry_histogram *shorts, *streams;
};

static struct telemetry_histogram *durations(struct telemetry *telemetry, const char *kind)
{
	return telemetry_histogram(telemetry, "tacho_aggregator_http_request_duration_seconds",
		"From a whole HTTPS request until the last byte of its answer was written.", "kind",
		kind, DURATIONS, DURATION_COUNT);
}

struct exchange_tally *exchange_tally_new(struct telemetry *telemetry)
{
	struct exchange_tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	for (size_t i = 0; i < CODE_COUNT; i++)
		tally->codes[i] =
			telemetry_counter(telemetry, "tacho_aggregator_http_requests_total",
				"HTTPS requests answered, by code.", "code", CODES[i].text);
	tally->shorts = durations(telemetry, "short");
	tally->streams = durations(telemetry, "stream");
	return tally;
}

void exchange_tally_free(struct exchange_tally *tally)
{
	free(tally);
}

void exchange_tally_code(struct exchange_tally *tally, int code)
{
	size_t i = 0;

	while (i + 1 < CODE_COUNT && CODES[i].code != code)
		i++;
	telemetry_add(tally->codes[i], 1);
}

static void exchange_free(void *argument, bool sent, uint64_t took_ns)
{
	struct exchange *exchange = argument;
	const struct exchange_tally *tally = exchange->tally;

	if (sent)
		telemetry_observe(exchange->chunk ? tally->streams : tally->shorts, took_ns);
	if (exchange->leave)
		exchange->leave(exchange);
	if (exchange->source.free)
		exchange->source.free(exchange->source.context);
	page_turn_forget(&exchange->turn);
	gzip_stream_free(exchange->gzip);
	if (exchange->chunk)
		evbuffer_free(exchange->chunk);
	buffer_free(&exchange->page);
	buffer_free(&exchange->packed);
	request_attributes_free(&exchange->attributes);
	user_free(&exchange->user);
	request_free(&exchange->request);
	free(exchange);
}

struct exchange *exchange_new(
	struct evhttp_request *http, struct exchange_tally *tally, struct page_line *line)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->http = http;
	exchange->tally = tally;
	exchange->turn.line = line;
	exchange->request.headers = evhttp_request_get_input_headers(http);
	server_on_finish(http, exchange_free, exchange);
	return exchange;
}
