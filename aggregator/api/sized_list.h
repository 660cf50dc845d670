/* A list in a form whose length stands before it (protobuf), a page at a time: a list of some
 * megabytes is gathered while there is room, and its length is exact. For a longer one the most
 * that its objects can have is declared: of all pods the store knows the sums; for anything less it
 * is walked twice, and the first walk adds up. What was declared too much, some third, is filled up
 * with a field that decoders skip. */
#ifndef API_SIZED_LIST_H
#define API_SIZED_LIST_H

#include "aggregator/api/gather_room.h"
#include "aggregator/api/listing_options.h"
#include "aggregator/api/selection.h"
#include "aggregator/api/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Up to here each list is gathered: the size from which Kubernetes compresses, too. */
#define SIZED_LIST_GATHERED (128U * 1024)

/* Up to here while there is room, which is taken in portions. */
#define SIZED_LIST_GATHERED_MOST (6U * 1024 * 1024)
#define SIZED_LIST_PORTION       (512U * 1024)

/* Objects that come between the two walks, and figures and labels that grow, are paid from a
 * reserve: so many bytes, and a part of the sum. A list that outgrows it fails: its client sees a
 * body that breaks off, which is better than one with objects missing. */
#define SIZED_LIST_RESERVE      (16U * 1024)
#define SIZED_LIST_RESERVE_PART 32

/* Zero-initialise but for `room`, which may be NULL, and `spare`. */
struct sized_list {
	enum {
		SIZED_LIST_GATHER, /* items into pages */
		SIZED_LIST_COUNT,  /* the bounds of what is behind them into `left` */
		SIZED_LIST_SEND,   /* what was gathered to the client */
		SIZED_LIST_WRITE,  /* what is behind it, as long as `left` allows */
		SIZED_LIST_FILL,   /* `left` zero bytes */
	} phase;
	struct store_cursor cursor;  /* behind what was gathered or written */
	struct store_cursor counted; /* the first walk's */
	/* What was gathered: full pages, and the one behind them. */
	struct buffer *full, head;
	size_t full_count, full_sent;
	size_t gathered; /* bytes of them all */
	struct gather_room *room;
	size_t spare; /* bytes before each page that are not the list's */
	size_t taken; /* of it, for them */
	size_t left;  /* bytes that were declared and are not written yet */
	bool whole;   /* all was gathered */
	bool outgrown;
};

void sized_list_free(struct sized_list *list);

/* Takes the list on by one step, with one hold of the store at most, and appends what came of it to
 * `out`, until that has `full` bytes. Where only the spare bytes are in `out` it may become another
 * piece of memory, with other bytes there. */
enum listing_state sized_list_step(struct sized_list *list, const struct selection *selection,
	struct writer *writer, struct buffer *out, size_t full);

#endif
