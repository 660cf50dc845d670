#include "aggregator/ingest/message.h"

#include <errno.h>
#include <stdlib.h>

/* The first byte of a Sample: field 3 of Message, with a length, as protobuf writes it. */
#define SAMPLE_TAG (3 << 3 | 2)

struct message_reader {
	ProtobufCAllocator allocator;
	size_t used;
	bool exhausted;
	_Alignas(max_align_t) unsigned char arena[MESSAGE_ARENA_SIZE];
};

static void *take(void *context, size_t size)
{
	struct message_reader *reader = context;
	const size_t align = _Alignof(max_align_t);
	void *memory = reader->arena + reader->used;

	if (size > MESSAGE_ARENA_SIZE - reader->used) {
		reader->exhausted = true;
		return NULL;
	}
	/* The arena's size is a multiple of the alignment: this never goes beyond it. */
	reader->used += (size + align - 1) / align * align;
	return memory;
}

static void give_back(void *context, void *memory)
{
	(void)context;
	(void)memory; /* the next message starts the arena anew */
}

struct message_reader *message_reader_new(void)
{
	struct message_reader *reader = malloc(sizeof(*reader));

	if (!reader)
		return NULL;
	reader->allocator.alloc = take;
	reader->allocator.free = give_back;
	reader->allocator.allocator_data = reader;
	return reader;
}

void message_reader_free(struct message_reader *reader)
{
	free(reader);
}

int message_decode(struct message_reader *reader, const void *data, size_t size,
	const Tacho__V1__Message **ret_message)
{
	const Tacho__V1__Message *message;

	reader->used = 0;
	reader->exhausted = false;
	message = tacho__v1__message__unpack(&reader->allocator, size, data);
	if (!message)
		return reader->exhausted ? -E2BIG : -EINVAL;
	*ret_message = message;
	return 0;
}

bool message_is_sample(const void *data, size_t size)
{
	return size > 0 && *(const unsigned char *)data == SAMPLE_TAG;
}
