/* Decodes the wire's messages into one arena of fixed size (ARENA_SIZE): fast, and a message of few
 * bytes that unfolds into many structs ends at the arena's edge. */
#ifndef INGEST_MESSAGE_H
#define INGEST_MESSAGE_H

#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

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
