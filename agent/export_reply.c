#include "agent/export_reply.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	int status;
	const char *code, *reason, *words, *header;
} ANSWERS[] = {
	{200, "200", "OK", "", ""},
	{400, "400", "Bad Request", "This is no request that can be answered.\n", ""},
	{404, "404", "Not Found", "There are /metrics, /metrics/cadvisor and /metrics/resource.\n",
		""},
	{405, "405", "Method Not Allowed", "There are GET and HEAD.\n", "Allow: GET, HEAD\r\n"},
	{431, "431", "Request Header Fields Too Large", "The request's head is too long.\n", ""},
	{503, "503", "Service Unavailable",
		"The page can't be made now: memory is short, it is too large, or nothing was "
		"looked at yet.\n",
		""},
	{505, "505", "HTTP Version Not Supported", "Want HTTP/1.1.\n", ""},
};

#define ANSWER_COUNT (sizeof(ANSWERS) / sizeof(ANSWERS[0]))

struct export_reply_counts {
	struct telemetry_series *answers[ANSWER_COUNT];
};

struct export_reply_counts *export_reply_counts_new(struct telemetry *telemetry)
{
	struct export_reply_counts *counts = calloc(1, sizeof(*counts));

	for (size_t i = 0; counts && i < ANSWER_COUNT; i++)
		counts->answers[i] =
			telemetry_counter(telemetry, "tacho_agent_metrics_requests_total",
				"Requests to /metrics that were answered, by status", "code",
				ANSWERS[i].code);
	return counts;
}

void export_reply_counts_free(struct export_reply_counts *counts)
{
	free(counts);
}

/* The head up to the headers that differ. */
static void begin_head(struct export_reply_counts *counts, size_t answer, struct evbuffer *out)
{
	time_t now = time(NULL);
	char date[64] = "";
	struct tm parts;

	telemetry_add(counts->answers[answer], 1);
	/* the program keeps the "C" locale, whose words are HTTP's */
	if (gmtime_r(&now, &parts))
		(void)strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
	(void)evbuffer_add_printf(out, "HTTP/1.1 %s %s\r\n%s%sX-Content-Type-Options: nosniff\r\n",
		ANSWERS[answer].code, ANSWERS[answer].reason, date, ANSWERS[answer].header);
}

static void page_sent(const void *data, size_t length, void *page)
{
	(void)data;
	(void)length;
	export_page_unref(page);
}

void export_reply_page(struct export_reply_counts *counts, struct export_page *page,
	const struct export_request *request, struct evbuffer *out)
{
	const struct buffer *body = request->gzip ? &page->gzip : &page->plain;

	begin_head(counts, 0, out);
	(void)evbuffer_add_printf(out,
		"Content-Type: %s\r\n%sVary: Accept, Accept-Encoding\r\nCache-Control: no-store\r\n"
		"Content-Length: %zu\r\n%s\r\n",
		export_text_type(page->key.format),
		request->gzip ? "Content-Encoding: gzip\r\n" : "", body->length,
		request->keep_alive ? "" : "Connection: close\r\n");
	if (request->head || body->length == 0)
		return;
	if (evbuffer_add_reference(
		    out, body->data, body->length, page_sent, export_page_ref(page)) < 0)
		export_page_unref(page); /* the client sees that the answer is not whole */
}

void export_reply_error(
	struct export_reply_counts *counts, int status, bool head, struct evbuffer *out)
{
	size_t answer = 1; /* 400 for what is not in the table */

	for (size_t i = 0; i < ANSWER_COUNT; i++)
		if (ANSWERS[i].status == status)
			answer = i;
	begin_head(counts, answer, out);
	(void)evbuffer_add_printf(out,
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		strlen(ANSWERS[answer].words), head ? "" : ANSWERS[answer].words);
}
