/* aggregator/kube/list_stream: lists in pieces of any size, and what is none. */
#include "aggregator/kube/list_stream.h"

#include "aggregator/kube/object_decode.h"
#include "tests/harness/kube_objects.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_OBJECT 2000

struct world {
	struct object_decoder *decoder;
	struct buffer bytes;
	struct list_stream *stream;
	char names[4096]; /* of the objects that came: "a;b;" */
	unsigned too_long;
	int refuse; /* what on_object returns */
	struct list_meta meta;
	struct error err;
};

static int on_object(void *context, struct span bytes)
{
	struct world *world = context;
	size_t length = strlen(world->names);
	struct object_metadata object;
	struct error err;

	if (world->refuse)
		return world->refuse;
	assert_int_equal(object_decode(world->decoder, bytes, &object, &err), 0);
	(void)snprintf(world->names + length, sizeof(world->names) - length, "%s;", object.name);
	return 0;
}

static void on_too_long(void *context, uint64_t size)
{
	struct world *world = context;

	assert_true(size > MAX_OBJECT);
	world->too_long++;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->decoder = object_decoder_new();
	assert_non_null(world->decoder);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	list_stream_free(world->stream);
	object_decoder_free(world->decoder);
	buffer_free(&world->bytes);
	free(world);
	return 0;
}

static void begin(struct world *world)
{
	const struct list_stream_options options = {.max_object = MAX_OBJECT,
		.on_object = on_object,
		.on_too_long = on_too_long,
		.context = world};

	list_stream_free(world->stream);
	world->stream = list_stream_new(&options);
	assert_non_null(world->stream);
	world->names[0] = '\0';
	world->too_long = 0;
}

/* Feeds in pieces of `piece` bytes, 0: of random ones, each in memory of its own. */
static int feed(struct world *world, const void *data, size_t size, size_t piece)
{
	static unsigned seed = 7;

	for (size_t at = 0; at < size;) {
		size_t length = piece ? piece : 1 + (size_t)rand_r(&seed) % 40;
		char *exact;
		int r;

		if (length > size - at)
			length = size - at;
		exact = malloc(length);
		assert_non_null(exact);
		memcpy(exact, (const char *)data + at, length);
		r = list_stream_feed(world->stream, exact, length, &world->err);
		free(exact);
		if (r < 0)
			return r;
		at += length;
	}
	return list_stream_finish(world->stream, &world->meta, &world->err);
}

static int read_whole(struct world *world, size_t piece)
{
	begin(world);
	return feed(world, world->bytes.data, world->bytes.length, piece);
}

static int read_bytes(struct world *world, const char *data, size_t size)
{
	begin(world);
	return feed(world, data, size, 0);
}

static const struct kube_object THREE[] = {
	{.namespace = "n", .name = "a", .uid = "1", .managed_fields = 300},
	{.namespace = "n", .name = "b", .uid = "2"},
	{.namespace = "n", .name = "c", .uid = "3", .managed_fields = 90},
};

static void reads_in_any_pieces(void **state)
{
	struct world *world = *state;

	kube_objects_put_list(&world->bytes, THREE, 3, "1234", "next-page");
	for (int i = 0; i < 300; i++) {
		size_t piece = i < 100 ? (size_t)i + 1 : i == 100 ? 1000000 : 0;

		assert_int_equal(read_whole(world, piece), 0);
		assert_string_equal(world->names, "a;b;c;");
		assert_string_equal(world->meta.resource_version, "1234");
		assert_string_equal(world->meta.continue_token, "next-page");
	}
}

static void reads_an_empty_list(void **state)
{
	struct world *world = *state;

	kube_objects_put_list(&world->bytes, NULL, 0, "7", NULL);
	for (size_t piece = 0; piece < 50; piece++) {
		assert_int_equal(read_whole(world, piece), 0);
		assert_string_equal(world->names, "");
		assert_string_equal(world->meta.resource_version, "7");
		assert_string_equal(world->meta.continue_token, "");
	}
	/* Not even a ListMeta. */
	buffer_clear(&world->bytes);
	kube_objects_put_envelope(
		&world->bytes, "meta.k8s.io/v1", "PartialObjectMetadataList", "", 0);
	assert_int_equal(read_whole(world, 1), 0);
	assert_string_equal(world->meta.resource_version, "");
}

/* An object that is longer than allowed is not there, and has cost nothing. */
static void steps_over_objects_that_are_too_long(void **state)
{
	struct kube_object objects[] = {THREE[0], THREE[1], THREE[2]};
	struct world *world = *state;
	struct buffer one = {0};

	kube_objects_put(&one, &objects[1]);
	objects[1].managed_fields = MAX_OBJECT - one.length - 8;
	buffer_clear(&one);
	kube_objects_put(&one, &objects[1]);
	objects[1].managed_fields += MAX_OBJECT - one.length; /* exactly at the bound */
	for (size_t more = 0; more < 2; more++) {
		buffer_clear(&world->bytes);
		objects[1].managed_fields += more;
		kube_objects_put_list(&world->bytes, objects, 3, "1", NULL);
		for (size_t piece = 0; piece < 3; piece++) {
			assert_int_equal(read_whole(world, piece), 0);
			assert_string_equal(world->names, more ? "a;c;" : "a;b;c;");
			assert_int_equal(world->too_long, more);
		}
	}
	buffer_free(&one);
}

static void tells_when_it_is_cut_off(void **state)
{
	struct world *world = *state;

	/* Two empty texts of the Unknown stand behind the list, of two bytes each; without them it
	 * is whole all the same. */
	kube_objects_put_list(&world->bytes, THREE, 3, "1234", NULL);
	for (size_t size = 0; size < world->bytes.length - 4; size++) {
		begin(world);
		assert_int_equal(feed(world, world->bytes.data, size, 0), -EINVAL);
		assert_string_equal(world->err.message, "the list was cut off");
	}
}

static void says_what_it_is_not(void **state)
{
	static const struct {
		const char *bytes;
		const char *message;
	} CASES[] = {
		{"{\"kind\":\"PodList\"}", "the server sends JSON, not Kubernetes' protobuf"},
		{"<html>", "the answer is not Kubernetes' protobuf"},
		{"k8t", "the answer is not Kubernetes' protobuf"},
		{"k8s!", "the answer is not Kubernetes' protobuf"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(
			read_bytes(world, CASES[i].bytes, strlen(CASES[i].bytes)), -EINVAL);
		assert_string_equal(world->err.message, CASES[i].message);
	}
	kube_objects_put_envelope(&world->bytes, "v1", "Status", "", 0);
	assert_int_equal(read_whole(world, 0), -EINVAL);
	assert_string_equal(
		world->err.message, "the server sends a Status, not a PartialObjectMetadataList");
	buffer_clear(&world->bytes);
	kube_objects_put_envelope(
		&world->bytes, "meta.k8s.io/v1beta1", "PartialObjectMetadataList", "", 0);
	assert_int_equal(read_whole(world, 0), -EINVAL);
}

#define TYPE        "k8s\0\x0a\x2b\x0a\x0emeta.k8s.io/v1\x12\x19PartialObjectMetadataList"
#define BYTES(text) (text), sizeof(text) - 1

static void refuses_what_lies(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int result;
	} CASES[] = {
		{BYTES(TYPE "\x12\x00"), 0},
		{BYTES(TYPE "\x12\x02\x12\x00"), 0},        /* an object of no bytes */
		{BYTES(TYPE "\x12\x02\x12\x01x"), -EINVAL}, /* it ends behind the list */
		{BYTES(TYPE "\x12\x03\x12\x80\x00"), 0},    /* a length in two bytes */
		{BYTES(TYPE "\x12\x02\x12\x80\x00"), -EINVAL},
		{BYTES(TYPE "\x12\x01\x12\x00"), -EINVAL}, /* within a tag's field */
		{BYTES(TYPE "\x12\x01\x92\x00"), -EINVAL}, /* within a tag */
		{BYTES(TYPE "\x12\x03\x08\x80\x80\x01"), -EINVAL},
		{BYTES(TYPE "\x12\x05\x09"
			    "12345678"),
			-EINVAL},
		{BYTES(TYPE "\x12\x03\x0d"
			    "1234"),
			-EINVAL},
		/* Lengths of 2^64 - 1, 2^63, of each field. */
		{BYTES(TYPE "\x12\x0b\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EINVAL},
		{BYTES(TYPE "\x12\x0b\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), -EINVAL},
		{BYTES("k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -E2BIG},
		{BYTES("k8s\0\x0a\x81\x02"), -E2BIG}, /* a TypeMeta of 257 bytes */
		/* It would go on for ever; what is not wanted is only stepped over. */
		{BYTES(TYPE "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x00"), -EINVAL},
		{BYTES(TYPE "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01zzz"), -EINVAL},
		/* A ListMeta beyond its bound. */
		{BYTES(TYPE "\x12\xff\xff\x7f\x0a\x81\x80\x04"), -E2BIG},
		/* The list before its type, a second list, a group, field 0, long varints. */
		{BYTES("k8s\0\x12\x00"), -EINVAL}, {BYTES(TYPE "\x12\x00\x12\x00"), -EINVAL},
		{BYTES(TYPE "\x13\x14"), -EINVAL}, {BYTES(TYPE "\x12\x02\x13\x14"), -EINVAL},
		{BYTES(TYPE "\x02\x00"), -EINVAL},
		{BYTES(TYPE "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), -EINVAL},
		{BYTES("k8s\0\x0a\x02\x0a\x05"), -EINVAL},           /* a torn TypeMeta */
		{BYTES(TYPE "\x12\x04\x0a\x02\x12\x05"), -EINVAL},   /* a torn ListMeta */
		{BYTES(TYPE "\x12\x05\x0a\x03\x12\x01\0"), -EINVAL}, /* a NUL in the version */
		/* Fields that no version has yet, in both messages. */
		{BYTES(TYPE "\x20\x01\x29"
			    "12345678"
			    "\x2d"
			    "1234"
			    "\x32\x01x\x12\x16\x20\x81\x01\x29"
			    "12345678"
			    "\x2d"
			    "1234"
			    "\x32\x03xyz\x32\x00\x20\x01"),
			0},
		{BYTES(TYPE "\x20\x01\x29"
			    "12345678"
			    "\x2d"
			    "1234"
			    "\x32\x01x\x12\x17\x20\x81\x01\x29"
			    "12345678"
			    "\x2d"
			    "1234"
			    "\x32\x00\x32\x01x\x20\x01"),
			-EINVAL}, /* it ends within a field */
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		for (int j = 0; j < 5; j++) {
			int r = read_bytes(world, CASES[i].bytes, CASES[i].size);

			if (r != CASES[i].result)
				print_error("case %zu: %d %s\n", i, r, world->err.message);
			assert_int_equal(r, CASES[i].result);
		}
	}
}

static void hands_on_what_the_taker_says(void **state)
{
	struct world *world = *state;

	kube_objects_put_list(&world->bytes, THREE, 3, "1234", NULL);
	world->refuse = -ENOMEM;
	assert_int_equal(read_whole(world, 0), -ENOMEM);
	world->refuse = 0;
}

static void survives_anything(void **state)
{
	struct world *world = *state;
	unsigned seed = 3;

	kube_objects_put_list(&world->bytes, THREE, 3, "1234", "c");
	world->refuse = -EBADMSG; /* a torn object is the decoder's business */
	for (int i = 0; i < 20000; i++) {
		char torn[1024];

		assert_true(world->bytes.length <= sizeof(torn));
		memcpy(torn, world->bytes.data, world->bytes.length);
		for (int j = 0; j < 3; j++)
			torn[(size_t)rand_r(&seed) % world->bytes.length] = (char)rand_r(&seed);
		begin(world);
		(void)feed(world, torn, world->bytes.length, 1 + (size_t)i % 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_in_any_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_an_empty_list, setup, teardown),
		cmocka_unit_test_setup_teardown(
			steps_over_objects_that_are_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_when_it_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_it_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(hands_on_what_the_taker_says, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_anything, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
