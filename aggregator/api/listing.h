/* A get or a list of metrics, written page by page out of the store.
 *
 * Knows nothing of HTTP: the caller asks for the next page when it has room for one. No page holds
 * the store for more than 1 ms; between pages nothing but the cursor is kept, and of a list in
 * protobuf up to 128 KiB at its beginning (sized_list.h says why). */
#ifndef API_LISTING_H
#define API_LISTING_H

#include "aggregator/api/field_selector.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/store/store.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum listing_resource {
	LISTING_NODES,
	LISTING_PODS,
};

enum listing_include { /* Table's includeObject */
	LISTING_INCLUDE_METADATA,
	LISTING_INCLUDE_OBJECT,
	LISTING_INCLUDE_NONE,
};

#define LISTING_PAGE                                                                 \
	(64U * 1024) /* bytes that a page has when it is full, plus at most one item \
		      */

struct listing_options {
	struct store *store;
	enum listing_resource resource;
	const char *version;   /* "v1" or "v1beta1" */
	const char *namespace; /* NULL: all; always NULL for nodes */
	const char *name;      /* one object; NULL: a list */
	struct representation as;
	enum listing_include include;
	struct label_selector *labels; /* the listing takes both over; NULL: everything */
	struct field_selector *fields;
	uint64_t now_realtime_ns; /* creationTimestamp of every object */
};

struct listing;

/* Copies the strings. NULL when memory is short (then both selectors are freed too). */
struct listing *listing_new(const struct listing_options *options);
void listing_free(struct listing *listing);

enum listing_state {
	LISTING_MORE,      /* a page was written (or, while it only searched or counted, nothing);
			    * another will come */
	LISTING_END,       /* what was written (may be nothing) is the last of it */
	LISTING_NOT_FOUND, /* one object was asked for and is not served; nothing was written */
	LISTING_FAILED,    /* memory is short, or a list in protobuf outgrew the length that it was
			    * declared with; what went out before can't be completed */
};

/* Appends the next page to `out`; takes some milliseconds at most. Don't call again after any other
 * answer than LISTING_MORE. */
enum listing_state listing_next(struct listing *listing, struct buffer *out);

#endif
