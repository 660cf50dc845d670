/* A get or a list of metrics, written page by page out of the store.
 *
 * Knows nothing of HTTP: the caller asks for the next page when it has room for one. No page holds
 * the store for more than 1 ms; between pages nothing but the cursor is kept, and of a list in
 * protobuf up to 128 KiB at its beginning (sized_list.h says why). */
#ifndef API_LISTING_H
#define API_LISTING_H

#include "aggregator/api/listing_options.h"
#include "base/buffer.h"

struct listing;

/* Copies the strings. NULL when memory is short (then both selectors are freed too). */
struct listing *listing_new(const struct listing_options *options);
void listing_free(struct listing *listing);

/* Appends the next page to `out`, which has options->spare bytes already or more; where it has no
 * more it may become another piece of memory, with other bytes there. Takes some milliseconds at
 * most. Don't call again after any other
 * answer than LISTING_MORE. */
enum listing_state listing_next(struct listing *listing, struct buffer *out);

#endif
