#include "aggregator/api/sized_list.h"

#include "aggregator/api/protobuf_envelope.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES    4000 /* ten pods or so */
#define PAGE_MORE      4000 /* the item with which a page is full */
#define ENVELOPE_BYTES 96   /* about */

struct step {
	struct sized_list *list;
	struct writer *writer;
	struct buffer *out;
	size_t full; /* length of `out` with which the page is full */
};

static void drop_gathered(struct sized_list *list)
{
	for (size_t i = 0; i < list->full_count; i++)
		buffer_free(&list->full[i]);
	free(list->full);
	list->full = NULL;
	list->full_count = 0;
	buffer_free(&list->head);
	gather_room_give(list->room, list->taken);
	list->taken = 0;
}

void sized_list_free(struct sized_list *list)
{
	store_cursor_free(&list->cursor);
	store_cursor_free(&list->counted);
	drop_gathered(list);
}

/* How much may be gathered. */
static size_t most(const struct sized_list *list)
{
	return SIZED_LIST_GATHERED + list->taken;
}

/* Leaves room for what is not the list's. False when memory is short. */
static bool begin_page(struct sized_list *list, size_t size)
{
	if (!buffer_reserve(&list->head, list->spare + size))
		return false;
	memset(list->head.data, 0, list->spare);
	list->head.length = list->spare;
	return true;
}

/* Begins a new page when this one is full. Pages of one size find memory that others have left;
 * the many megabytes of a list would come from the kernel each time. False when memory is short. */
static bool turn_page(struct step *step)
{
	struct sized_list *list = step->list;
	struct buffer *full;

	if (list->head.length < list->spare + LISTING_PAGE)
		return true;
	full = reallocarray(list->full, list->full_count + 1, sizeof(*full));
	if (!full)
		return false;
	list->full = full;
	full[list->full_count++] = list->head;
	list->head = (struct buffer){0};
	writer_forget(step->writer);
	return begin_page(list, LISTING_PAGE + PAGE_MORE);
}

static bool gather_item(void *context, const struct object *object)
{
	struct step *step = context;
	struct sized_list *list = step->list;
	size_t before;

	if (list->gathered >= most(list))
		return false;
	if (!turn_page(step)) {
		list->head.failed = true;
		return false;
	}
	before = list->head.length;
	step->writer->ops->item(step->writer, object, &list->head);
	list->gathered += list->head.length - before;
	return true;
}

static bool count_item(void *context, const struct object *object)
{
	struct step *step = context;

	step->list->left += step->writer->ops->bound(step->writer, object);
	return true;
}

static bool write_item(void *context, const struct object *object)
{
	struct step *step = context;
	struct sized_list *list = step->list;
	size_t before = step->out->length, size;

	if (before >= step->full)
		return false;
	step->writer->ops->item(step->writer, object, step->out);
	size = step->out->length - before;
	if (size + PROTOBUF_ENVELOPE_FILLER_LEAST > list->left) {
		step->out->length = before;
		list->outgrown = true;
		return false;
	}
	list->left -= size;
	return true;
}

static void declare(struct step *step)
{
	struct sized_list *list = step->list;

	list->left += SIZED_LIST_RESERVE + list->left / SIZED_LIST_RESERVE_PART;
	step->writer->ops->begin(step->writer, list->gathered + list->left, step->out);
	list->phase = SIZED_LIST_SEND;
}

/* All that may be gathered is. True: now there may be more; `bound` is what the list can have at
 * most, 0 where that is not known. */
static bool gather_on(struct sized_list *list, size_t bound)
{
	if (bound > SIZED_LIST_GATHERED_MOST ||
		most(list) + SIZED_LIST_PORTION > SIZED_LIST_GATHERED_MOST ||
		!gather_room_take(list->room, SIZED_LIST_PORTION))
		return false;
	list->taken += SIZED_LIST_PORTION;
	return true;
}

/* There is more than can be gathered. */
static enum listing_state go_over(struct step *step, const struct selection *selection)
{
	struct sized_list *list = step->list;
	size_t bound = 0;

	if (selection_is_all_pods(selection)) {
		struct store_totals totals = store_totals(selection->store);

		bound = step->writer->ops->bound_of_pods(step->writer, &totals);
	}
	if (gather_on(list, bound))
		return LISTING_MORE;
	if (bound) {
		list->left = bound;
		declare(step);
		return LISTING_MORE;
	}
	if (store_cursor_copy(&list->cursor, &list->counted) < 0)
		return LISTING_FAILED;
	list->phase = SIZED_LIST_COUNT;
	return LISTING_MORE;
}

static enum listing_state gather(struct step *step, const struct selection *selection)
{
	struct sized_list *list = step->list;

	if (list->head.length == 0 && !begin_page(list, FIRST_BYTES)) /* not doubled step by step */
		return LISTING_FAILED;
	if (selection_visit(selection, &list->cursor, gather_item, step) < 0 || list->head.failed)
		return LISTING_FAILED;
	if (!list->cursor.finished)
		return list->gathered < most(list) ? LISTING_MORE : go_over(step, selection);
	(void)buffer_reserve(step->out, ENVELOPE_BYTES + list->head.length);
	step->writer->ops->begin(step->writer, list->gathered, step->out);
	list->whole = true;
	list->phase = SIZED_LIST_SEND;
	return LISTING_MORE;
}

static enum listing_state count(struct step *step, const struct selection *selection)
{
	struct sized_list *list = step->list;

	if (selection_visit(selection, &list->counted, count_item, step) < 0)
		return LISTING_FAILED;
	if (list->counted.finished) {
		store_cursor_free(&list->counted);
		declare(step);
	}
	return LISTING_MORE;
}

/* Room in this page. */
static size_t room(const struct step *step)
{
	return step->out->length < step->full ? step->full - step->out->length : 0;
}

/* The page as it is where nothing stands before it: the most of a list is never copied. */
static void send_page(struct step *step, struct buffer *page)
{
	size_t spare = step->list->spare;
	struct buffer out = *step->out;

	if (out.length > spare || out.limit) {
		buffer_append(step->out, page->data + spare, page->length - spare);
		buffer_free(page);
		return;
	}
	*step->out = *page;
	buffer_free(&out);
	*page = (struct buffer){0};
}

static enum listing_state send_gathered(struct step *step)
{
	struct sized_list *list = step->list;

	if (list->full_sent < list->full_count) {
		send_page(step, &list->full[list->full_sent++]);
		return LISTING_MORE;
	}
	send_page(step, &list->head);
	if (list->whole)
		return LISTING_END;
	drop_gathered(list);
	list->phase = SIZED_LIST_WRITE;
	return LISTING_MORE;
}

static enum listing_state write_on(struct step *step, const struct selection *selection)
{
	struct sized_list *list = step->list;

	if (selection_visit(selection, &list->cursor, write_item, step) < 0 || list->outgrown)
		return LISTING_FAILED;
	if (list->cursor.finished) {
		list->left = protobuf_envelope_filler(list->left, step->out);
		list->phase = SIZED_LIST_FILL;
	}
	return LISTING_MORE;
}

static enum listing_state fill(struct step *step)
{
	struct sized_list *list = step->list;
	size_t piece = list->left < room(step) ? list->left : room(step);
	char *to = buffer_reserve(step->out, piece);

	if (!to)
		return LISTING_FAILED;
	memset(to, 0, piece);
	step->out->length += piece;
	list->left -= piece;
	return list->left ? LISTING_MORE : LISTING_END;
}

enum listing_state sized_list_step(struct sized_list *list, const struct selection *selection,
	struct writer *writer, struct buffer *out, size_t full)
{
	struct step step = {.list = list, .writer = writer, .out = out, .full = full};

	switch (list->phase) {
	case SIZED_LIST_GATHER:
		return gather(&step, selection);
	case SIZED_LIST_COUNT:
		return count(&step, selection);
	case SIZED_LIST_SEND:
		return send_gathered(&step);
	case SIZED_LIST_WRITE:
		return write_on(&step, selection);
	case SIZED_LIST_FILL:
		return fill(&step);
	}
	return LISTING_FAILED;
}
