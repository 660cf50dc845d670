/* The answers of reply_pages() that are too long for one piece. For reply.c, and nobody else. */
#ifndef API_REPLY_STREAM_H
#define API_REPLY_STREAM_H

#include "aggregator/api/exchange.h"

#include <stdbool.h>

/* Asks the source for more of exchange->page. LISTING_FAILED when memory is short. */
enum listing_state reply_stream_page(struct exchange *exchange);

/* 200, with the headers that are set, what is in exchange->page, and what the source has behind it
 * unless exchange->ended. The exchange may be gone when it returns. */
void reply_stream_begin(struct exchange *exchange, bool gzip);

#endif
