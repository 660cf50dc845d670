#include "aggregator/ingest/message.h"

#include "aggregator/ingest/arena.h"
#include "aggregator/ingest/sample_decode.h"

#include <errno.h>
#include <stdlib.h>

/* The first byte of a Sample: field 3 of Message, with a length, as protobuf writes it. */
#define SAMPLE_TAG (3 << 3 | 2)

struct message_reader {
	ProtobufCAllocator allocator; /* for protobuf-c, out of the arena */
	struct arena *arena;
};

static void *take(void *context, size_t size)
{
	return arena_take(context, size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	(void)memory; /* the next message starts the arena anew */
}

struct message_reader *message_reader_new(void)
{
	struct message_reader *reader = malloc(sizeof(*reader));
	struct arena *arena = arena_new();

	if (!reader || !arena) {
		free(reader);
		arena_free(arena);
		return NULL;
	}
	reader->arena = arena;
	reader->allocator = (ProtobufCAllocator){take, give_back, arena};
	return reader;
}

void message_reader_free(struct message_reader *reader)
{
	if (reader)
		arena_free(reader->arena);
	free(reader);
}

int message_decode(struct message_reader *reader, const void *data, size_t size,
	const Tacho__V1__Message **ret_message)
{
	const Tacho__V1__Message *message;

	arena_clear(reader->arena);
	message = sample_decode(reader->arena, data, size);
	if (!message) {
		arena_clear(reader->arena);
		message = tacho__v1__message__unpack(&reader->allocator, size, data);
	}
	if (!message)
		return reader->arena->exhausted ? -E2BIG : -EINVAL;
	*ret_message = message;
	return 0;
}

bool message_is_sample(const void *data, size_t size)
{
	return size > 0 && *(const unsigned char *)data == SAMPLE_TAG;
}
