#include "aggregator/api/listing.h"

#include "aggregator/api/json_indent.h"
#include "aggregator/api/sized_list.h"
#include "aggregator/api/selection.h"
#include "aggregator/api/writer.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* A call that finds little to write gives up after this: other requests wait in the same loop. */
#define CALL_NS (2 * NS_PER_MS)

struct listing {
	char *namespace, *name;
	struct label_selector *labels;
	struct field_selector *fields;
	struct selection selection; /* points to the above */
	struct writer writer;

	/* Indented JSON: pieces are written compact and laid out anew. */
	bool pretty;
	struct json_indent indent;
	struct buffer compact;

	/* A list that is written as it is walked; or one whose length comes first. */
	bool begun;
	struct store_cursor cursor;
	struct sized_list sized;
};

/* What visitors write to. */
struct page {
	struct listing *listing;
	struct buffer *out;
	size_t full; /* length of `out` with which the page is full */
};

static bool copy_string(const char *from, char **ret_copy)
{
	if (!from)
		return true;
	*ret_copy = strdup(from);
	return *ret_copy != NULL;
}

struct listing *listing_new(const struct listing_options *options)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing) {
		label_selector_free(options->labels);
		field_selector_free(options->fields);
		return NULL;
	}
	listing->labels = options->labels;
	listing->fields = options->fields;
	listing->pretty = options->as.pretty && options->as.media == MEDIA_JSON;
	if (!copy_string(options->namespace, &listing->namespace) ||
		!copy_string(options->name, &listing->name)) {
		listing_free(listing);
		return NULL;
	}
	listing->selection = (struct selection){
		.store = options->store,
		.pods = options->resource == LISTING_PODS,
		.namespace = listing->namespace,
		.labels = listing->labels,
		.fields = listing->fields,
	};
	listing->sized.room = options->room;
	listing->sized.spare = options->spare;
	writer_init(&listing->writer, options);
	return listing;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	label_selector_free(listing->labels);
	field_selector_free(listing->fields);
	store_cursor_free(&listing->cursor);
	sized_list_free(&listing->sized);
	buffer_free(&listing->compact);
	free(listing->namespace);
	free(listing->name);
	free(listing);
}

/* Where a writer is to append; laid_out() is called behind it. */
static struct buffer *target(const struct page *page)
{
	return page->listing->pretty ? &page->listing->compact : page->out;
}

static void laid_out(const struct page *page)
{
	struct listing *listing = page->listing;

	if (!listing->pretty)
		return;
	if (listing->compact.failed)
		page->out->failed = true;
	json_indent_append(
		&listing->indent, listing->compact.data, listing->compact.length, page->out);
	buffer_clear(&listing->compact);
	writer_forget(&listing->writer);
}

static bool write_item(void *context, const struct object *object)
{
	struct page *page = context;
	struct writer *writer = &page->listing->writer;

	if (page->out->length >= page->full)
		return false;
	writer->ops->item(writer, object, target(page));
	laid_out(page);
	return true;
}

static void write_begin(const struct page *page)
{
	page->listing->writer.ops->begin(&page->listing->writer, 0, target(page));
	laid_out(page);
}

static void write_end(const struct page *page)
{
	page->listing->writer.ops->end(&page->listing->writer, target(page));
	laid_out(page);
}

static bool write_one(void *context, const struct object *object)
{
	const struct page *page = context;

	write_begin(page);
	page->listing->writer.ops->item(&page->listing->writer, object, target(page));
	laid_out(page);
	write_end(page);
	return true;
}

static enum listing_state step(struct page *page)
{
	struct listing *listing = page->listing;

	writer_forget(&listing->writer);
	if (listing->name)
		return selection_get(&listing->selection, listing->name, write_one, page)
			       ? LISTING_END
			       : LISTING_NOT_FOUND;
	if (listing->writer.ops->bound)
		return sized_list_step(&listing->sized, &listing->selection, &listing->writer,
			page->out, page->full);
	if (!listing->begun) {
		write_begin(page);
		listing->begun = true;
	}
	if (selection_visit(&listing->selection, &listing->cursor, write_item, page) < 0)
		return LISTING_FAILED;
	if (!listing->cursor.finished)
		return LISTING_MORE;
	write_end(page);
	return LISTING_END;
}

enum listing_state listing_next(struct listing *listing, struct buffer *out)
{
	struct page page = {.listing = listing, .out = out, .full = out->length + LISTING_PAGE};
	uint64_t until_ns = clock_monotonic_ns() + CALL_NS;
	enum listing_state state;

	do {
		state = step(&page);
	} while (state == LISTING_MORE && !out->failed && out->length < page.full &&
		 clock_monotonic_ns() < until_ns);
	return out->failed ? LISTING_FAILED : state;
}
