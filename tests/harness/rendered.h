/* The whole answer of a listing, for tests that look at it in one piece. */
#ifndef HARNESS_RENDERED_H
#define HARNESS_RENDERED_H

#include "aggregator/api/listing.h"
#include "base/buffer.h"

/* Runs a listing to its end, and each page through a check that it is no longer than a page and
 * one item of `longest_item` bytes. Appends all of it to `out`, and a NUL behind it. Ends the
 * program when the listing fails. Returns LISTING_END or LISTING_NOT_FOUND. */
enum listing_state rendered(
	const struct listing_options *options, size_t longest_item, struct buffer *out);

#endif
