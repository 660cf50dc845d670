/* The bytes of an answer: head and page, or a status with a line of words. */
#ifndef AGENT_EXPORT_REPLY_H
#define AGENT_EXPORT_REPLY_H

#include "agent/export_page.h"
#include "agent/export_request.h"
#include "base/telemetry.h"

#include <event2/buffer.h>
#include <stdbool.h>

struct export_reply_counts;

/* Counts answers by their status. NULL when memory is short. */
struct export_reply_counts *export_reply_counts_new(struct telemetry *telemetry);
void export_reply_counts_free(struct export_reply_counts *counts);

/* Adds 200 with the page, packed if the client takes it and not at all for HEAD. The page is not
 * copied: what is added holds a reference. */
void export_reply_page(struct export_reply_counts *counts, struct export_page *page,
	const struct export_request *request, struct evbuffer *out);

/* Adds 400, 404, 405, 431, 503 or 505, after which the connection is closed. `head`: without the
 * words. */
void export_reply_error(
	struct export_reply_counts *counts, int status, bool head, struct evbuffer *out);

#endif
