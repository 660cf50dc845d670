#include "tests/harness/rendered.h"

#include <stdio.h>
#include <stdlib.h>

static void give_up(const char *what)
{
	(void)fprintf(stderr, "rendered: %s\n", what);
	abort();
}

enum listing_state rendered(
	const struct listing_options *options, size_t longest_item, struct buffer *out)
{
	struct listing *listing = listing_new(options);
	enum listing_state state;

	if (!listing)
		give_up("out of memory");
	do {
		size_t before = out->length;

		state = listing_next(listing, out);
		if (state == LISTING_FAILED)
			give_up("the listing failed");
		if (out->length - before > LISTING_PAGE + longest_item)
			give_up("a page is too long");
	} while (state == LISTING_MORE);
	listing_free(listing);
	if (!buffer_terminate(out))
		give_up("out of memory");
	return state;
}
