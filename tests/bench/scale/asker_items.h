/* Counts the items of a Kubernetes list in protobuf, byte by byte as it comes: "k8s\0", then
 * runtime.Unknown, whose field 2 (raw) is the list, whose field 2 are the items. */
#ifndef SCALE_ASKER_ITEMS_H
#define SCALE_ASKER_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asker_items {
	uint64_t count; /* items that are complete, or being skipped */

	/* private */
	int state;
	bool in_list, had_list;
	unsigned shift;     /* bits of `number` so far */
	uint64_t number;    /* the varint that is being read */
	uint64_t field;     /* the key that came before it */
	uint64_t skip;      /* bytes of the value that are still to come */
	uint64_t list_left; /* bytes of the list that are still to come, if in_list */
};

void asker_items_start(struct asker_items *items);

/* 0, or -EPROTO: this is no such message. */
int asker_items_take(struct asker_items *items, const void *data, size_t size);

/* Nothing comes any more. 0 when the message was whole, else -EPROTO. */
int asker_items_end(const struct asker_items *items);

#endif
