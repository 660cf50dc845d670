/* aggregator/kube/object_decode, against what protobuf-c packs. */
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

static struct object_decoder *decoder;
static struct buffer bytes;
static struct object_metadata object;
static struct error err;

static int setup(void **state)
{
	(void)state;
	decoder = object_decoder_new();
	return decoder ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	object_decoder_free(decoder);
	buffer_free(&bytes);
	return 0;
}

static int decode(const struct kube_object *from)
{
	buffer_clear(&bytes);
	kube_objects_put(&bytes, from);
	return object_decode(decoder, span_of(bytes.data, bytes.length), &object, &err);
}

static void expect_label(size_t at, const char *key, const char *value)
{
	assert_true(at < object.labels.count);
	assert_string_equal(object.labels.item[at].key, key);
	assert_string_equal(object.labels.item[at].value, value);
}

static void reads_what_is_kept(void **state)
{
	static const char *const labels[] = {"app", "web", "tier", "front", "b/c", "", NULL};
	static const char *const annotations[] = {"kubernetes.io/config.seen", "2026",
		"kubernetes.io/config.hash", "abc123", "kubernetes.io/config.mirror", "abc123",
		NULL};
	const struct kube_object from = {.namespace = "default",
		.name = "web-0",
		.uid = "u-1",
		.resource_version = "42",
		.labels = labels,
		.annotations = annotations,
		.managed_fields = 1000};

	(void)state;
	assert_int_equal(decode(&from), 0);
	assert_string_equal(object.namespace, "default");
	assert_string_equal(object.name, "web-0");
	assert_string_equal(object.uid, "u-1");
	assert_string_equal(object.resource_version, "42");
	assert_string_equal(object.config_hash, "abc123");
	assert_false(object.initial_events_end);
	assert_int_equal(object.labels.count, 3);
	expect_label(0, "app", "web");
	expect_label(1, "b/c", "");
	expect_label(2, "tier", "front");
}

static void reads_an_empty_object(void **state)
{
	const struct kube_object from = {0};

	(void)state;
	assert_int_equal(decode(&from), 0);
	assert_string_equal(object.namespace, "");
	assert_string_equal(object.name, "");
	assert_string_equal(object.uid, "");
	assert_string_equal(object.resource_version, "");
	assert_string_equal(object.config_hash, "");
	assert_int_equal(object.labels.count, 0);
	assert_int_equal(object_decode(decoder, span_of(NULL, 0), &object, &err), 0);
	assert_string_equal(object.name, "");
}

static void knows_the_end_of_the_initial_events(void **state)
{
	static const struct {
		const char *value;
		bool end;
	} CASES[] = {{"true", true}, {"false", false}, {"", false}, {"True", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *const annotations[] = {
			"k8s.io/initial-events-end", CASES[i].value, NULL};
		const struct kube_object from = {.annotations = annotations};

		assert_int_equal(decode(&from), 0);
		assert_int_equal(object.initial_events_end, CASES[i].end);
	}
}

static void of_one_key_the_last_counts(void **state)
{
	static const char *const labels[] = {
		"b", "1", "a", "2", "b", "3", "c", "4", "a", "5", NULL};
	const struct kube_object from = {.labels = labels};

	(void)state;
	assert_int_equal(decode(&from), 0);
	assert_int_equal(object.labels.count, 3);
	expect_label(0, "a", "5");
	expect_label(1, "b", "3");
	expect_label(2, "c", "4");
}

static char *letters(size_t count)
{
	char *text = malloc(count + 1);

	assert_non_null(text);
	memset(text, 'x', count);
	text[count] = '\0';
	return text;
}

/* Each text at its bound and one beyond. */
static void bounds_texts(void **state)
{
	enum { NAME, NAMESPACE, UID, VERSION, KEY, VALUE };
	static const size_t BOUNDS[] = {OBJECT_MAX_NAME, OBJECT_MAX_NAME, OBJECT_MAX_UID,
		OBJECT_MAX_VERSION, OBJECT_MAX_LABEL_KEY, OBJECT_MAX_LABEL_VALUE};

	(void)state;
	for (size_t which = 0; which < sizeof(BOUNDS) / sizeof(BOUNDS[0]); which++) {
		for (size_t more = 0; more < 2; more++) {
			char *text = letters(BOUNDS[which] + more);
			const char *const labels[] = {
				which == KEY ? text : "k", which == VALUE ? text : "v", NULL};
			const struct kube_object from = {
				.namespace = which == NAMESPACE ? text : "space",
				.name = which == NAME ? text : "name",
				.uid = which == UID ? text : "uid",
				.resource_version = which == VERSION ? text : "1",
				.labels = labels};

			assert_int_equal(decode(&from), more ? -E2BIG : 0);
			assert_string_equal(object.name, which != NAME ? "name" : more ? "" : text);
			assert_string_equal(object.uid, which != UID ? "uid" : more ? "" : text);
			assert_int_equal(object.labels.count, more ? 0 : 1);
			free(text);
		}
	}
}

/* `count` labels, or, where `same` is true, so many times the same one. */
static int decode_labels(size_t count, bool same)
{
	static char text[KUBE_OBJECTS_MOST_PAIRS][OBJECT_MAX_LABEL_KEY + 1];
	static const char *labels[2 * KUBE_OBJECTS_MOST_PAIRS + 1];
	char *value = letters(OBJECT_MAX_LABEL_VALUE);
	const struct kube_object from = {
		.namespace = "n", .name = "p", .uid = "u", .labels = labels};
	int r;

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%0*zu", OBJECT_MAX_LABEL_KEY,
			same ? (size_t)0 : count - i);
		labels[2 * i] = text[i];
		labels[2 * i + 1] = value;
	}
	labels[2 * count] = NULL;
	r = decode(&from);
	free(value);
	return r;
}

static void bounds_the_number_of_labels(void **state)
{
	(void)state;
	assert_int_equal(decode_labels(OBJECT_MAX_LABELS, false), 0);
	assert_int_equal(object.labels.count, OBJECT_MAX_LABELS);
	for (size_t i = 1; i < object.labels.count; i++)
		assert_true(strcmp(object.labels.item[i - 1].key, object.labels.item[i].key) < 0);
	assert_int_equal(decode_labels(OBJECT_MAX_LABELS + 1, false), -E2BIG);
	assert_int_equal(object.labels.count, 0);
	assert_string_equal(object.namespace, "n");
	assert_string_equal(object.name, "p");
	assert_string_equal(object.uid, "u");
	assert_string_equal(err.message, "it has more than 256 labels");
	assert_int_equal(decode_labels(OBJECT_MAX_LABELS, true), 0);
	assert_int_equal(object.labels.count, 1);
	assert_int_equal(decode_labels(OBJECT_MAX_LABELS + 1, true), -E2BIG);
}

/* A user's own pod does not get a static pod's figures by an annotation. */
static void only_a_mirror_has_a_config_hash(void **state)
{
	static const struct {
		const char *annotations[5], *config_hash;
	} CASES[] = {
		{{"kubernetes.io/config.hash", "h"}, ""},
		{{"kubernetes.io/config.mirror", "h"}, ""},
		{{"kubernetes.io/config.hash", "h", "kubernetes.io/config.mirror", ""}, ""},
		{{"kubernetes.io/config.hash", "h", "kubernetes.io/config.mirror", "H"}, ""},
		{{"kubernetes.io/config.hash", "h", "kubernetes.io/config.mirror", "hh"}, ""},
		{{"kubernetes.io/config.hash", "", "kubernetes.io/config.mirror", ""}, ""},
		{{"kubernetes.io/config.mirror", "h", "kubernetes.io/config.hash", "h"}, "h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct kube_object from = {
			.name = "p", .uid = "u", .annotations = CASES[i].annotations};

		assert_int_equal(decode(&from), 0);
		assert_string_equal(object.config_hash, CASES[i].config_hash);
	}
}

static void a_long_config_hash_is_none(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		char *text = letters(OBJECT_MAX_CONFIG_HASH + more);
		const char *const annotations[] = {"kubernetes.io/config.hash", text,
			"kubernetes.io/config.mirror", text, NULL};
		const struct kube_object from = {.name = "p", .annotations = annotations};

		assert_int_equal(decode(&from), 0);
		assert_string_equal(object.config_hash, more ? "" : text);
		free(text);
	}
}

/* "a\0b" would be another's name. */
static void refuses_texts_with_a_nul(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} CASES[] = {
		{"\x0a\x05\x0a\x03"
		 "a\0b",
			7},
		{"\x0a\x05\x1a\x03"
		 "a\0b",
			7},
		{"\x0a\x05\x2a\x03"
		 "a\0b",
			7},
		{"\x0a\x05\x32\x03"
		 "a\0b",
			7},
		{"\x0a\x07\x5a\x05\x0a\x03"
		 "a\0b",
			9},
		{"\x0a\x07\x5a\x05\x12\x03"
		 "a\0b",
			9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(object_decode(decoder, span_of(CASES[i].bytes, CASES[i].size),
					 &object, &err),
			-EINVAL);
}

/* managedFields of 2 MB, and fields that no version has yet, at each level and of each type. */
static void steps_over_what_is_not_kept(void **state)
{
	static const char *const labels[] = {"app", "web", NULL};
	static const char more[] = "\xa0\x06\x05\xa1\x06"
				   "12345678\xa2\x06\x03xyz\xa5\x06"
				   "1234\x08\x01\x0d"
				   "1234";
	const struct kube_object from = {.name = "p", .labels = labels, .managed_fields = 2000000};

	(void)state;
	assert_int_equal(decode(&from), 0);
	assert_int_equal(object.labels.count, 1);
	buffer_append(&bytes, more, sizeof(more) - 1);
	/* A second `metadata` is merged with the first. */
	buffer_append(&bytes, "\x0a\x04\x2a\x02ui", 6);
	assert_int_equal(
		object_decode(decoder, span_of(bytes.data, bytes.length), &object, &err), 0);
	assert_string_equal(object.name, "p");
	assert_string_equal(object.uid, "ui");
	expect_label(0, "app", "web");
}

/* However it is cut or torn: an answer, and none that reads beyond. */
static void survives_anything(void **state)
{
	static const char *const labels[] = {"app", "web", "tier", "front", NULL};
	static const char *const annotations[] = {
		"kubernetes.io/config.hash", "h", "kubernetes.io/config.mirror", "h", NULL};
	const struct kube_object from = {.namespace = "default",
		.name = "web-0",
		.uid = "u-1",
		.labels = labels,
		.annotations = annotations,
		.managed_fields = 20};
	unsigned seed = 1;

	(void)state;
	assert_int_equal(decode(&from), 0);
	for (size_t size = 0; size < bytes.length; size++) {
		char *exact = malloc(size + 1);

		assert_non_null(exact);
		memcpy(exact, bytes.data, size);
		int r = object_decode(decoder, span_of(exact, size), &object, &err);

		assert_int_equal(r, size == 0 ? 0 : -EINVAL);
		free(exact);
	}
	for (int i = 0; i < 20000; i++) {
		char torn[200];

		assert_true(bytes.length <= sizeof(torn));
		memcpy(torn, bytes.data, bytes.length);
		for (int j = 0; j < 3; j++)
			torn[(size_t)rand_r(&seed) % bytes.length] = (char)rand_r(&seed);
		(void)object_decode(decoder, span_of(torn, bytes.length), &object, &err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_kept),
		cmocka_unit_test(reads_an_empty_object),
		cmocka_unit_test(knows_the_end_of_the_initial_events),
		cmocka_unit_test(of_one_key_the_last_counts),
		cmocka_unit_test(bounds_texts),
		cmocka_unit_test(bounds_the_number_of_labels),
		cmocka_unit_test(only_a_mirror_has_a_config_hash),
		cmocka_unit_test(a_long_config_hash_is_none),
		cmocka_unit_test(refuses_texts_with_a_nul),
		cmocka_unit_test(steps_over_what_is_not_kept),
		cmocka_unit_test(survives_anything),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
