#include "aggregator/api/exchange.h"

#include "aggregator/api/server.h"

#include <event2/event.h>
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

struct exchange_codes {
	struct telemetry_series *series[CODE_COUNT];
};

struct exchange_codes *exchange_codes_new(struct telemetry *telemetry)
{
	struct exchange_codes *codes = calloc(1, sizeof(*codes));

	for (size_t i = 0; codes && i < CODE_COUNT; i++)
		codes->series[i] =
			telemetry_counter(telemetry, "tacho_aggregator_http_requests_total",
				"HTTPS requests answered, by code.", "code", CODES[i].text);
	return codes;
}

void exchange_codes_free(struct exchange_codes *codes)
{
	free(codes);
}

void exchange_codes_count(struct exchange_codes *codes, int code)
{
	size_t i = 0;

	while (i + 1 < CODE_COUNT && CODES[i].code != code)
		i++;
	telemetry_add(codes->series[i], 1);
}

static void exchange_free(void *argument)
{
	struct exchange *exchange = argument;

	if (exchange->leave)
		exchange->leave(exchange);
	if (exchange->source.free)
		exchange->source.free(exchange->source.context);
	if (exchange->turn)
		event_free(exchange->turn);
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

struct exchange *exchange_new(struct evhttp_request *http, struct exchange_codes *codes)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->http = http;
	exchange->codes = codes;
	exchange->request.headers = evhttp_request_get_input_headers(http);
	server_on_finish(http, exchange_free, exchange);
	return exchange;
}
