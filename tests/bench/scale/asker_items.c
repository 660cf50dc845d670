#include "tests/bench/scale/asker_items.h"

#include <errno.h>
#include <string.h>

enum state {
	MAGIC,
	KEY,
	VARINT, /* a value of no interest */
	LENGTH,
	SKIP,
};

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2,
	WIRE_32 = 5,
};

#define RAW_FIELD   2 /* of runtime.Unknown */
#define ITEMS_FIELD 2 /* of every list */

static const char PREFIX[4] = "k8s";

void asker_items_start(struct asker_items *items)
{
	memset(items, 0, sizeof(*items));
}

static void next_key(struct asker_items *items)
{
	if (items->in_list && items->list_left == 0)
		items->in_list = false;
	items->state = KEY;
	items->number = items->shift = 0;
}

static int begin_skip(struct asker_items *items, uint64_t size)
{
	if (items->in_list && size > items->list_left)
		return -EPROTO;
	items->skip = size;
	if (size == 0)
		next_key(items);
	else
		items->state = SKIP;
	return 0;
}

static int end_key(struct asker_items *items)
{
	uint64_t key = items->number;

	items->field = key >> 3;
	items->number = items->shift = 0;
	if (items->field == 0)
		return -EPROTO;
	switch (key & 7) {
	case WIRE_VARINT:
		items->state = VARINT;
		return 0;
	case WIRE_BYTES:
		items->state = LENGTH;
		return 0;
	case WIRE_64:
		return begin_skip(items, 8);
	case WIRE_32:
		return begin_skip(items, 4);
	default:
		return -EPROTO;
	}
}

static int end_length(struct asker_items *items)
{
	uint64_t length = items->number;

	if (items->in_list) {
		if (items->field == ITEMS_FIELD)
			items->count++;
		return begin_skip(items, length);
	}
	if (items->field != RAW_FIELD)
		return begin_skip(items, length);
	if (items->had_list)
		return -EPROTO;
	items->had_list = items->in_list = true;
	items->list_left = length;
	next_key(items);
	return 0;
}

static int take_varint(struct asker_items *items, uint8_t byte)
{
	if (items->shift > 63 || (items->shift == 63 && byte > 1))
		return -EPROTO;
	items->number |= (uint64_t)(byte & 0x7f) << items->shift;
	items->shift += 7;
	if (byte & 0x80)
		return items->in_list && items->list_left == 0 ? -EPROTO : 0;
	if (items->state == KEY)
		return end_key(items);
	if (items->state == LENGTH)
		return end_length(items);
	next_key(items);
	return 0;
}

static int take_byte(struct asker_items *items, uint8_t byte)
{
	if (items->state == MAGIC) {
		if (byte != (uint8_t)PREFIX[items->skip])
			return -EPROTO;
		if (++items->skip == sizeof(PREFIX))
			next_key(items);
		return 0;
	}
	if (items->in_list) {
		if (items->list_left == 0)
			return -EPROTO; /* a field that its list has no room for */
		items->list_left--;
	}
	return take_varint(items, byte);
}

int asker_items_take(struct asker_items *items, const void *data, size_t size)
{
	const uint8_t *byte = data;
	int r;

	while (size > 0) {
		size_t step = 1;

		if (items->state == SKIP) {
			step = items->skip < size ? (size_t)items->skip : size;
			items->skip -= step;
			if (items->in_list)
				items->list_left -= step;
			if (items->skip == 0)
				next_key(items);
		} else {
			r = take_byte(items, *byte);
			if (r < 0)
				return r;
		}
		byte += step;
		size -= step;
	}
	return 0;
}

int asker_items_end(const struct asker_items *items)
{
	return items->state == KEY && items->shift == 0 && !items->in_list && items->had_list
		       ? 0
		       : -EPROTO;
}
