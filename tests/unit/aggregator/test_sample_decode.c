/* aggregator/ingest/sample_decode: what it makes of bytes is what protobuf-c makes of them, or
 * nothing. */
#include "aggregator/ingest/sample_decode.h"

#include "agent/sample.h"
#include "aggregator/ingest/message.h"
#include "tests/harness/busy_node.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (~(metric_set)0 >> (64 - METRIC_COUNT))

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* From memory of just that size, so that a look beyond it is seen. */
static const Tacho__V1__Message *decode(const void *data, size_t size)
{
	const Tacho__V1__Message *message;
	void *memory = malloc(size + !size);

	assert_non_null(memory);
	memcpy(memory, data, size);
	arena_clear(arena);
	message = sample_decode(arena, memory, size);
	free(memory);
	return message;
}

/* As it would be sent. */
static void pack(const Tacho__V1__Message *message, struct buffer *out)
{
	size_t size = tacho__v1__message__get_packed_size(message);

	out->length = 0;
	(void)tacho__v1__message__pack(message, (uint8_t *)buffer_reserve(out, size));
	out->length = size;
}

/* protobuf-c keeps what it does not know. */
static void forget_unknown(Tacho__V1__Message *message)
{
	message->base.n_unknown_fields = 0;
	message->sample->base.n_unknown_fields = 0;
	for (size_t i = 0; i < message->sample->n_columns; i++)
		message->sample->columns[i]->base.n_unknown_fields = 0;
}

static void *take(void *context, size_t size)
{
	return arena_take(context, size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

/* Whether it was read; then protobuf-c reads the same. */
static bool agrees(const void *data, size_t size, struct arena *other)
{
	static struct buffer ours, theirs;
	ProtobufCAllocator allocator = {take, give_back, other};
	const Tacho__V1__Message *message = decode(data, size);
	Tacho__V1__Message *model;

	if (!message)
		return false;
	arena_clear(other);
	model = tacho__v1__message__unpack(&allocator, size, data);
	assert_non_null(model);
	assert_int_equal(model->kind_case, TACHO__V1__MESSAGE__KIND_SAMPLE);
	forget_unknown(model);
	pack(message, &ours);
	pack(model, &theirs);
	assert_int_equal(ours.length, theirs.length);
	assert_memory_equal(ours.data, theirs.data, ours.length);
	buffer_free(&ours);
	buffer_free(&theirs);
	return true;
}

/* Figures of all sizes, some of them missing, in rows with windows of their own. */
static void make_random(struct sample *sample, unsigned seed)
{
	srandom(seed);
	assert_int_equal(sample_reset(sample, (uint32_t)random() % 40), 0);
	sample->revision = (uint64_t)random() << (random() % 33);
	sample->timestamp_ms = (uint64_t)random() << 10;
	sample->kept_ms = random() % 2 ? sample->timestamp_ms - 1000 : 0;
	sample->node.window_ms = (uint32_t)random() % 20000;
	for (uint32_t row = 0; row <= sample->row_count; row++) {
		struct figures *figures =
			row == sample->row_count ? &sample->node : &sample->rows[row];

		if (row < sample->row_count)
			figures->window_ms = (uint32_t)random() % 20000 + 1;
		figures->present = (metric_set)random() << 31 ^ (metric_set)random();
		for (int metric = 0; metric < METRIC_COUNT; metric++)
			figures->value[metric] =
				((uint64_t)random() << 33 ^ (uint64_t)random()) >> random() % 64;
	}
}

static void reads_what_agents_write(void **state)
{
	struct arena *other = arena_new();
	struct sample sample = {0};
	struct buffer bytes = {0};

	(void)state;
	assert_non_null(other);
	for (unsigned seed = 0; seed < 300; seed++) {
		bytes.length = 0;
		if (seed == 0)
			busy_node(&sample, 60);
		else
			make_random(&sample, seed);
		sample_encode(&sample, ALL, &bytes);
		assert_false(bytes.failed);
		assert_true(agrees(bytes.data, bytes.length, other));
	}
	buffer_free(&bytes);
	sample_free(&sample);
	arena_free(other);
}

/* Each of a message's bits, and each beginning of it. */
static void what_is_damaged_is_read_alike(void **state)
{
	struct arena *other = arena_new();
	struct sample sample = {0};
	struct buffer bytes = {0};
	size_t read = 0, left = 0;

	(void)state;
	assert_non_null(other);
	busy_node(&sample, 7);
	sample.kept_ms = sample.timestamp_ms - 1000;
	sample_encode(&sample, ALL, &bytes);
	for (size_t bit = 0; bit < bytes.length * 8; bit++) {
		char was = bytes.data[bit / 8];

		bytes.data[bit / 8] = (char)(was ^ 1 << bit % 8);
		if (agrees(bytes.data, bytes.length, other))
			read++;
		else
			left++;
		bytes.data[bit / 8] = was;
	}
	assert_true(read > 0 && left > 0);
	for (size_t size = 0; size < bytes.length; size++)
		assert_null(decode(bytes.data, size));
	buffer_free(&bytes);
	sample_free(&sample);
	arena_free(other);
}

#define BYTES(text) (text), sizeof(text) - 1

/* protobuf-c's: valid ones in forms that no agent of ours writes, and what is none. */
static void leaves_what_is_of_another_form(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int decoded;
	} CASES[] = {
		{BYTES(""), 0}, {BYTES("\x0a\x03\x0a\x01n"), 0},        /* a Hello */
		{BYTES("\x1a\x02\x08\x01\x1a\x02\x10\x05"), 0},         /* in two pieces */
		{BYTES("\x1a\x06\x2a\x04\x10\x07\x10\x08"), 0},         /* values not packed */
		{BYTES("\x1a\x08\x2a\x06\x12\x01\x07\x12\x01\x08"), 0}, /* values in two pieces */
		{BYTES("\x1a\x06\x18\x80\x80\x80\x80\x10"), 0},         /* a window of 2^32 */
		{BYTES("\x1a\x09\x2a\x07\x22\x05\x80\x80\x80\x80\x10"), 0}, /* a row of 2^32 */
		{BYTES("\x1a\x02\x0a\x00"), -EINVAL},             /* a text for the revision */
		{BYTES("\x1a\x02\x28\x00"), -EINVAL},             /* a number for the columns */
		{BYTES("\x1a\x03\x2a\x01\x0b"), -EINVAL},         /* a group */
		{BYTES("\x1a\x05\x2a\x03\x12\x01\x80"), -EINVAL}, /* half a value */
		{BYTES("\x1a\x7f\x08\x01"), -EINVAL},             /* longer than it is */
	};
	struct message_reader *reader = message_reader_new();

	(void)state;
	assert_non_null(reader);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const Tacho__V1__Message *message;

		assert_null(decode(CASES[i].bytes, CASES[i].size));
		assert_int_equal(message_decode(reader, CASES[i].bytes, CASES[i].size, &message),
			CASES[i].decoded);
	}
	message_reader_free(reader);
}

/* A later version's fields are passed over: of a number, of bytes, of 4 and of 8. */
static void passes_over_what_it_does_not_know(void **state)
{
	static const char NEWER[] = "\x1a\x1e\x08\x05\x60\x07\x6a\x02xy\x75"
				    "1234\x79"
				    "12345678"
				    "\x2a\x06\x08\x01\x12\x00\x60\x07";
	const Tacho__V1__Message *message = decode(NEWER, sizeof(NEWER) - 1);

	(void)state;
	assert_non_null(message);
	assert_int_equal(message->sample->revision, 5);
	assert_int_equal(message->sample->n_columns, 1);
	assert_int_equal(message->sample->columns[0]->metric, 1);
}

static void append_field(struct buffer *out, char tag, const struct buffer *bytes)
{
	uint64_t left = bytes->length;

	buffer_append(out, &tag, 1);
	for (; left >= 0x80; left >>= 7)
		buffer_append(out, (char[]){(char)(left | 0x80)}, 1);
	buffer_append(out, (char[]){(char)left}, 1);
	buffer_append(out, bytes->data, bytes->length);
}

/* A Sample of `columns` columns of `values` zeros each. */
static void make_zeros(size_t columns, size_t values, struct buffer *out)
{
	struct buffer zeros = {0}, column = {0}, sample = {0};

	memset(buffer_reserve(&zeros, values + 1), 0, values + 1);
	zeros.length = values;
	append_field(&column, 0x12, &zeros);
	for (size_t i = 0; i < columns; i++)
		append_field(&sample, 0x2a, &column);
	out->length = 0;
	append_field(out, 0x1a, &sample);
	assert_false(out->failed);
	buffer_free(&zeros);
	buffer_free(&column);
	buffer_free(&sample);
}

static void columns_have_an_end(void **state)
{
	struct message_reader *reader = message_reader_new();
	const Tacho__V1__Message *message;
	struct buffer bytes = {0};

	(void)state;
	assert_non_null(reader);
	make_zeros(SAMPLE_DECODE_MAX_COLUMNS, 1, &bytes);
	message = decode(bytes.data, bytes.length);
	assert_non_null(message);
	assert_int_equal(message->sample->n_columns, SAMPLE_DECODE_MAX_COLUMNS);
	make_zeros(SAMPLE_DECODE_MAX_COLUMNS + 1, 1, &bytes);
	assert_null(decode(bytes.data, bytes.length));
	assert_int_equal(message_decode(reader, bytes.data, bytes.length, &message), 0);
	assert_int_equal(message->sample->n_columns, SAMPLE_DECODE_MAX_COLUMNS + 1);
	message_reader_free(reader);
	buffer_free(&bytes);
}

static void the_arena_has_an_end(void **state)
{
	struct message_reader *reader = message_reader_new();
	const Tacho__V1__Message *message;
	struct buffer bytes = {0};
	size_t most;

	(void)state;
	assert_non_null(reader);
	make_zeros(1, 0, &bytes);
	assert_non_null(decode(bytes.data, bytes.length));
	most = (ARENA_SIZE - arena->used) / sizeof(uint64_t);
	make_zeros(1, most, &bytes);
	message = decode(bytes.data, bytes.length);
	assert_non_null(message);
	assert_int_equal(message->sample->columns[0]->n_values, most);
	make_zeros(1, most + 1, &bytes);
	assert_null(decode(bytes.data, bytes.length));
	make_zeros(1, ARENA_SIZE / sizeof(uint64_t) + 1, &bytes); /* protobuf-c's neither */
	assert_int_equal(message_decode(reader, bytes.data, bytes.length, &message), -E2BIG);
	make_zeros(1, 1, &bytes); /* and goes on */
	assert_int_equal(message_decode(reader, bytes.data, bytes.length, &message), 0);
	message_reader_free(reader);
	buffer_free(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_what_agents_write),
		TEST(what_is_damaged_is_read_alike),
		TEST(leaves_what_is_of_another_form),
		TEST(passes_over_what_it_does_not_know),
		TEST(columns_have_an_end),
		TEST(the_arena_has_an_end),
	};

	return cmocka_run_group_tests_name("sample_decode", tests, NULL, NULL);
}
