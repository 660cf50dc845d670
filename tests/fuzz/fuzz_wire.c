/* What an agent may send: messages of any bytes, decoded as ingest does, into a store that knows a
 * catalog; afterwards everything is read. Each message has its length, two bytes, before it. */
#include "aggregator/ingest/message.h"
#include "aggregator/ingest/sample_decode.h"
#include "aggregator/store/store.h"
#include "base/clock.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODE "node-1"

/* A Message of a Catalog of revision 1: pod "shop/web", uid "u", with containers "a" and "b". */
static const uint8_t CATALOG[] = {0x12, 0x22, 0x08, 0x01, 0x12, 0x05, 0x08, 0xe8, 0x07, 0x10, 0x40,
	0x1a, 0x17, 0x0a, 0x04, 's', 'h', 'o', 'p', 0x12, 0x03, 'w', 'e', 'b', 0x1a, 0x01, 'u',
	0x22, 0x03, 0x0a, 0x01, 'a', 0x22, 0x02, 0x12, 0x00};

static struct message_reader *reader;
static struct arena *arena;
static struct telemetry *telemetry;

static bool has_unknown(const Tacho__V1__Message *message)
{
	size_t unknown = message->base.n_unknown_fields + message->sample->base.n_unknown_fields;

	for (size_t i = 0; i < message->sample->n_columns; i++)
		unknown += message->sample->columns[i]->base.n_unknown_fields;
	return unknown > 0;
}

/* Both readers of a Sample read the same, as far as protobuf-c knows all of it. */
static void compare(const void *data, size_t size)
{
	const Tacho__V1__Message *ours;
	Tacho__V1__Message *model;
	size_t length;
	uint8_t *bytes;

	arena_clear(arena);
	ours = sample_decode(arena, data, size);
	if (!ours)
		return;
	model = tacho__v1__message__unpack(NULL, size, data);
	if (!model || !model->sample)
		abort();
	if (!has_unknown(model)) {
		length = tacho__v1__message__get_packed_size(ours);
		if (length != tacho__v1__message__get_packed_size(model))
			abort();
		bytes = malloc(2 * length + 1);
		(void)tacho__v1__message__pack(ours, bytes);
		(void)tacho__v1__message__pack(model, bytes + length);
		if (memcmp(bytes, bytes + length, length) != 0)
			abort();
		free(bytes);
	}
	tacho__v1__message__free_unpacked(model, NULL);
}

static int apply(struct store *store, const void *data, size_t size, uint64_t now_ns)
{
	const Tacho__V1__Message *message;
	struct error err;

	(void)message_is_sample(data, size);
	compare(data, size);
	if (message_decode(reader, data, size, &message) < 0)
		return -1;
	if (message->kind_case == TACHO__V1__MESSAGE__KIND_CATALOG)
		return store_apply_catalog(store, NODE, message->catalog, now_ns, &err);
	if (message->kind_case == TACHO__V1__MESSAGE__KIND_SAMPLE)
		return store_apply_sample(store, NODE, message->sample, now_ns, &err);
	return 0;
}

static bool see_pod(void *context, const struct store_pod_view *pod)
{
	uint64_t *sum = context;

	for (uint32_t container = 0; container < pod->containers; container++)
		for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
			uint64_t value;

			if (store_container_value(pod, container, metric, &value))
				*sum += value;
		}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_options options = {
		.expiry_ns = 60 * NS_PER_SECOND, .max_nodes = 2, .max_pods = 8};
	uint64_t now_ns = clock_monotonic_ns(), sum = 0;
	struct store_cursor cursor = {0};
	struct store *store;
	struct error err;

	if (!telemetry) {
		telemetry = telemetry_new();
		reader = message_reader_new();
		arena = arena_new();
	}
	options.telemetry = telemetry;
	store = store_new(&options, &err);
	if (apply(store, CATALOG, sizeof(CATALOG), now_ns) < 0)
		abort(); /* it is valid: else nothing is tried here */
	while (size >= 2) {
		size_t length = (size_t)data[0] << 8 | data[1];
		uint8_t *message;

		if (length > size - 2)
			length = size - 2;
		/* memory of its own: what is read beyond it is seen */
		message = malloc(length + !length);
		for (size_t i = 0; i < length; i++)
			message[i] = data[2 + i];
		(void)apply(store, message, length, now_ns += NS_PER_MS);
		free(message);
		data += 2 + length;
		size -= 2 + length;
	}
	(void)store_visit_pods(store, NULL, NULL, &cursor, SIZE_MAX, see_pod, &sum);
	store_cursor_free(&cursor);
	store_expire(store, now_ns);
	store_free(store);
	return 0;
}
