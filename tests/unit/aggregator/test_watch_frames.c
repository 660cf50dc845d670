/* aggregator/kube/watch_frames (and kube_status): watches in pieces of any size, and what is none.
 */
#include "aggregator/kube/watch_frames.h"

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

#define MAX_OBJECT 4000

struct world {
	struct buffer bytes;
	struct watch_frames *frames;
	char seen[4096];
	struct kube_status status;
	int refuse;
	struct error err;
};

static int on_event(void *context, const struct watch_event *event)
{
	static const char LETTERS[] = "AMDBE";
	struct world *world = context;
	size_t length = strlen(world->seen);

	if (event->type == WATCH_ERROR)
		world->status = event->status;
	(void)snprintf(world->seen + length, sizeof(world->seen) - length, "%c %s@%s%s%s;",
		LETTERS[event->type], event->type == WATCH_ERROR ? "" : event->object.name,
		event->type == WATCH_ERROR ? "" : event->object.resource_version,
		event->object.initial_events_end ? " end" : "", event->excess ? " excess" : "");
	return world->refuse;
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *world = *state;

	watch_frames_free(world->frames);
	buffer_free(&world->bytes);
	free(world);
	return 0;
}

static void begin(struct world *world)
{
	const struct watch_frames_options options = {
		.max_object = MAX_OBJECT, .on_event = on_event, .context = world};

	watch_frames_free(world->frames);
	world->frames = watch_frames_new(&options);
	assert_non_null(world->frames);
	world->seen[0] = '\0';
}

/* In pieces of `piece` bytes, 0: of random ones, each in memory of its own. */
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
		r = watch_frames_feed(world->frames, exact, length, &world->err);
		free(exact);
		if (r < 0)
			return r;
		at += length;
	}
	return 0;
}

static int read_whole(struct world *world, size_t piece)
{
	begin(world);
	return feed(world, world->bytes.data, world->bytes.length, piece);
}

static const struct kube_object POD = {
	.namespace = "n", .name = "a", .uid = "1", .resource_version = "5", .managed_fields = 300};

static void put_some(struct buffer *out)
{
	struct kube_object gone = POD;

	gone.resource_version = "9";
	kube_objects_put_event(out, "ADDED", &POD);
	kube_objects_put_event(out, "MODIFIED", &POD);
	kube_objects_put_bookmark(out, "7", false);
	kube_objects_put_bookmark(out, "8", true);
	kube_objects_put_event(out, "DELETED", &gone);
	kube_objects_put_error(out, 410, "Expired", "too old resource version: 5 (9)");
}

static void reads_in_any_pieces(void **state)
{
	struct world *world = *state;

	put_some(&world->bytes);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(read_whole(world, i < 100    ? (size_t)i + 1
						   : i == 100 ? 1000000
							      : 0),
			0);
		assert_string_equal(world->seen, "A a@5;M a@5;B @7;B @8 end;D a@9;E @;");
		assert_int_equal(world->status.code, 410);
		assert_string_equal(world->status.reason, "Expired");
		assert_string_equal(world->status.message, "too old resource version: 5 (9)");
		assert_true(watch_frames_whole(world->frames));
	}
}

static void knows_whether_a_frame_is_whole(void **state)
{
	struct world *world = *state;

	kube_objects_put_event(&world->bytes, "ADDED", &POD);
	begin(world);
	assert_true(watch_frames_whole(world->frames));
	for (size_t i = 0; i < world->bytes.length; i++) {
		assert_int_equal(feed(world, world->bytes.data + i, 1, 1), 0);
		assert_int_equal(watch_frames_whole(world->frames), i == world->bytes.length - 1);
	}
}

static void bounds_the_frame(void **state)
{
	struct world *world = *state;

	begin(world);
	assert_int_equal(feed(world, "\0\0\x13\xa0", 4, 0), 0);
	begin(world);
	assert_int_equal(feed(world, "\0\0\x13\xa1", 4, 0), -E2BIG);
	assert_string_equal(world->err.message, "an event of 5025 bytes");
	begin(world);
	assert_int_equal(feed(world, "\xff\xff\xff\xff", 4, 0), -E2BIG);
}

/* It is told of, so that what was known of it can be forgotten. */
static void tells_of_objects_beyond_a_bound(void **state)
{
	static const char *labels[2 * (OBJECT_MAX_LABELS + 1) + 1];
	static char keys[OBJECT_MAX_LABELS + 1][8];
	struct world *world = *state;
	struct kube_object pod = POD;

	for (size_t i = 0; i <= OBJECT_MAX_LABELS; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		labels[2 * i] = keys[i];
		labels[2 * i + 1] = "v";
	}
	pod.labels = labels;
	pod.managed_fields = 0;
	kube_objects_put_event(&world->bytes, "MODIFIED", &pod);
	kube_objects_put_event(&world->bytes, "MODIFIED", &POD);
	assert_int_equal(read_whole(world, 0), 0);
	assert_string_equal(world->seen, "M a@5 excess;M a@5;");
}

static int read_frame(struct world *world, const void *event, size_t size)
{
	buffer_clear(&world->bytes);
	kube_objects_put_frame(&world->bytes, event, size);
	buffer_append(&world->bytes, "", 1); /* of the next one */
	return read_whole(world, 0);
}

#define BYTES(text) (text), sizeof(text) - 1

static void refuses_what_is_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *message;
	} CASES[] = {
		{BYTES(""), "a frame without a watch's event"},
		{BYTES("x"), "a frame without a watch's event"},
		{BYTES("\x0a\x05"
		       "ADDED"),
			"an object that is not in Kubernetes' protobuf"},
		{BYTES("\x0a\x05"
		       "ADDER"),
			"a frame without a watch's event"},
		{BYTES("\x0a\x05"
		       "ADDED\x12\x01\x0a"),
			"a frame without a watch's event"},
		{BYTES("\x0a\x05"
		       "ADDED\x12\x05\x0a\x03k8s"),
			"an object that is not in Kubernetes' protobuf"},
		{BYTES("\x0a\x05"
		       "ADDED\x12\x06\x0a\x04k8sx"),
			"an object that is not in Kubernetes' protobuf"},
		{BYTES("\x0a\x05"
		       "ADDED\x12\x06\x0a\x04k8s\0"),
			"an event whose object is no PartialObjectMetadata"},
		{BYTES("\x0a\x05"
		       "ADDED\x12\x07\x0a\x05k8s\0\x0a"),
			"an object that is no whole protobuf"},
		{BYTES("\x0a\x05"
		       "ERROR\x12\x06\x0a\x04k8s\0"),
			"an ERROR event without a Status"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(read_frame(world, CASES[i].bytes, CASES[i].size), -EINVAL);
		assert_string_equal(world->err.message, CASES[i].message);
		assert_string_equal(world->seen, "");
	}
	begin(world);
	assert_int_equal(feed(world, "{\"type\":", 8, 0), -EINVAL);
	assert_string_equal(world->err.message, "the server sends JSON, not Kubernetes' protobuf");
}

static void hands_on_what_the_taker_says(void **state)
{
	struct world *world = *state;

	put_some(&world->bytes);
	world->refuse = -ENOMEM;
	assert_int_equal(read_whole(world, 0), -ENOMEM);
	assert_string_equal(world->seen, "A a@5;");
}

static void survives_anything(void **state)
{
	struct world *world = *state;
	unsigned seed = 5;

	put_some(&world->bytes);
	for (int i = 0; i < 20000; i++) {
		char torn[2048];

		assert_true(world->bytes.length <= sizeof(torn));
		memcpy(torn, world->bytes.data, world->bytes.length);
		for (int j = 0; j < 4; j++)
			torn[(size_t)rand_r(&seed) % world->bytes.length] = (char)rand_r(&seed);
		begin(world);
		(void)feed(world, torn, world->bytes.length, 1 + (size_t)i % 50);
	}
}

static void reads_a_status_in_json(void **state)
{
	static const char GONE[] =
		"{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"too old\",\"reason\":"
		"\"Expired\",\"details\":{\"retryAfterSeconds\":3},\"code\":410}";
	static const char *const NONE[] = {"", "{}", "[]", "null", "{\"kind\":\"Pod\"}",
		"{\"kind\":7}", "{\"kind\":\"Status\"", "<html>"};
	static const char ODD[] = "{\"kind\":\"Status\",\"code\":99999999999,\"message\":7,"
				  "\"details\":{\"retryAfterSeconds\":-1}}";
	struct kube_status status;

	(void)state;
	assert_int_equal(kube_status_read_json(span_of(BYTES(GONE)), &status), 0);
	assert_int_equal(status.code, 410);
	assert_int_equal(status.retry_after_s, 3);
	assert_string_equal(status.reason, "Expired");
	assert_string_equal(status.message, "too old");
	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
		assert_int_equal(
			kube_status_read_json(span_of(NONE[i], strlen(NONE[i])), &status), -EINVAL);
	assert_int_equal(kube_status_read_json(span_of(BYTES(ODD)), &status), 0);
	assert_int_equal(status.code, 0);
	assert_int_equal(status.retry_after_s, 0);
	assert_string_equal(status.message, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_in_any_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_whether_a_frame_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_the_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_of_objects_beyond_a_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(hands_on_what_the_taker_says, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_anything, setup, teardown),
		cmocka_unit_test(reads_a_status_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
