#include "aggregator/api/sized_list.h"

#include "aggregator/api/protobuf_envelope.h"

#include <string.h>

#define FIRST_BYTES    4000 /* ten pods or so */
#define ENVELOPE_BYTES 96   /* about */

struct step {
	struct sized_list *list;
	struct writer *writer;
	struct buffer *out;
	size_t full; /* length of `out` with which the page is full */
};

void sized_list_free(struct sized_list *list)
{
	store_cursor_free(&list->cursor);
	store_cursor_free(&list->counted);
	buffer_free(&list->head);
}

static bool gather_item(void *context, const struct object *object)
{
	struct step *step = context;

	if (step->list->head.length >= SIZED_LIST_GATHERED)
		return false;
	step->writer->ops->item(step->writer, object, &step->list->head);
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
	step->writer->ops->begin(step->writer, list->head.length + list->left, step->out);
	list->phase = SIZED_LIST_SEND;
}

static enum listing_state gather(struct step *step, const struct selection *selection)
{
	struct sized_list *list = step->list;

	(void)buffer_reserve(&list->head, FIRST_BYTES); /* not doubled again and again */
	if (selection_visit(selection, &list->cursor, gather_item, step) < 0 || list->head.failed)
		return LISTING_FAILED;
	if (list->cursor.finished) {
		(void)buffer_reserve(step->out, ENVELOPE_BYTES + list->head.length);
		step->writer->ops->begin(step->writer, list->head.length, step->out);
		list->whole = true;
		list->phase = SIZED_LIST_SEND;
	} else if (list->head.length >= SIZED_LIST_GATHERED) {
		if (selection_is_all_pods(selection)) {
			struct store_totals totals = store_totals(selection->store);

			list->left = step->writer->ops->bound_of_pods(step->writer, &totals);
			declare(step);
			return LISTING_MORE;
		}
		if (store_cursor_copy(&list->cursor, &list->counted) < 0)
			return LISTING_FAILED;
		list->phase = SIZED_LIST_COUNT;
	}
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

static enum listing_state send_head(struct step *step)
{
	struct sized_list *list = step->list;
	size_t piece = list->head.length - list->sent;

	if (piece > room(step))
		piece = room(step);
	if (piece)
		buffer_append(step->out, list->head.data + list->sent, piece);
	list->sent += piece;
	if (list->sent < list->head.length)
		return LISTING_MORE;
	if (list->whole)
		return LISTING_END;
	buffer_free(&list->head);
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
		return send_head(&step);
	case SIZED_LIST_WRITE:
		return write_on(&step, selection);
	case SIZED_LIST_FILL:
		return fill(&step);
	}
	return LISTING_FAILED;
}
