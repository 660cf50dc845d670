/* Decodes the wire's messages into one arena of fixed size: fast, and a message of few bytes that
 * unfolds into many structs ends at the arena's edge. */
#ifndef INGEST_MESSAGE_H
#define INGEST_MESSAGE_H

#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes. Enough for the store's bounds: the strings of a message of 2 MiB and 4,096 containers of
 * 120 bytes each; or 4,096 rows of figures, 8 bytes for each metric, of which there are at most 64.
 */
#define MESSAGE_ARENA_SIZE (6U << 20)

struct message_reader;

/* NULL when memory is short. Pages that no message needed are never touched. */
struct message_reader *message_reader_new(void);
void message_reader_free(struct message_reader *reader);

/* 0, -EINVAL (no protobuf, or cut off) or -E2BIG (beyond the arena). The message is valid until
 * the next call; don't free it. */
int message_decode(struct message_reader *reader, const void *data, size_t size,
	const Tacho__V1__Message **ret_message);

/* Whether it begins as a Sample does: enough to know of one that is dropped in any case. */
bool message_is_sample(const void *data, size_t size);

#endif
