/* scale/asker_items: lists as generated code writes them, cut at every byte, and what is none. */
#include "tests/bench/scale/asker_items.h"

#include "base/buffer.h"
#include "proto/kubernetes.pb-c.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "k8s\0" and an Unknown around a list of `count` pods. */
static void write_list(size_t count, struct buffer *out)
{
	static char name[] = "a-pod-with-a-name", api[] = "metrics.k8s.io/v1beta1", kind[] = "Pods";
	K8s__ObjectMeta metadata = K8S__OBJECT_META__INIT;
	K8s__PodMetrics pod = K8S__POD_METRICS__INIT, **pods = calloc(count + 1, sizeof(*pods));
	K8s__PodMetricsList list = K8S__POD_METRICS_LIST__INIT;
	K8s__ListMeta list_metadata = K8S__LIST_META__INIT;
	K8s__TypeMeta type = K8S__TYPE_META__INIT;
	K8s__Unknown unknown = K8S__UNKNOWN__INIT;

	assert_non_null(pods);
	metadata.name = name;
	pod.metadata = &metadata;
	for (size_t i = 0; i < count; i++)
		pods[i] = &pod;
	list_metadata.resource_version = name;
	list.metadata = &list_metadata;
	list.n_items = count;
	list.items = pods;
	type.api_version = api;
	type.kind = kind;
	unknown.type_meta = &type;
	unknown.has_raw = true;
	unknown.raw.len = k8s__pod_metrics_list__get_packed_size(&list);
	unknown.raw.data = malloc(unknown.raw.len);
	assert_non_null(unknown.raw.data);
	(void)k8s__pod_metrics_list__pack(&list, unknown.raw.data);
	unknown.content_type = api;
	buffer_append(out, "k8s", 4);
	out->length += k8s__unknown__pack(
		&unknown, (uint8_t *)buffer_reserve(out, k8s__unknown__get_packed_size(&unknown)));
	free(unknown.raw.data);
	free(pods);
}

static void counts_what_generated_code_wrote(void **state)
{
	static const size_t COUNTS[] = {0, 1, 2, 10, 127, 128, 5000};
	struct buffer text = {0};
	struct asker_items items;

	(void)state;
	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
		buffer_clear(&text);
		write_list(COUNTS[i], &text);
		asker_items_start(&items);
		assert_int_equal(asker_items_take(&items, text.data, text.length), 0);
		assert_int_equal(asker_items_end(&items), 0);
		assert_int_equal(items.count, COUNTS[i]);
	}
	buffer_free(&text);
}

/* Whole again wherever it was cut; but what is cut off is no whole list. */
static void counts_them_in_two(void **state)
{
	struct buffer text = {0};
	struct asker_items items;

	(void)state;
	write_list(10, &text);
	for (size_t at = 0; at < text.length; at++) {
		asker_items_start(&items);
		assert_int_equal(asker_items_take(&items, text.data, at), 0);
		/* Unknown's fields behind `raw` may be missing. */
		if (items.in_list || !items.had_list)
			assert_int_equal(asker_items_end(&items), -EPROTO);
		assert_int_equal(asker_items_take(&items, text.data + at, text.length - at), 0);
		assert_int_equal(asker_items_end(&items), 0);
		assert_int_equal(items.count, 10);
	}
	asker_items_start(&items);
	for (size_t at = 0; at < text.length; at++)
		assert_int_equal(asker_items_take(&items, text.data + at, 1), 0);
	assert_int_equal(items.count, 10);
	buffer_free(&text);
}

#define BYTES(text) text, sizeof(text) - 1

static void counts_by_hand(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int result, end;
		uint64_t count;
	} CASES[] = {
		/* an empty list; two empty items */
		{BYTES("k8s\0\x12\x00"), 0, 0, 0},
		{BYTES("k8s\0\x12\x04\x12\x00\x12\x00"), 0, 0, 2},
		/* fields of every type, before, in and behind the list */
		{BYTES("k8s\0\x08\x05\x12\x03\x18\x96\x01\x1d"
		       "abcd\x21"
		       "abcdefgh"),
			0, 0, 0},
		{BYTES("k8s\0\x12\x0e\x0d"
		       "abcd\x12\x01x\x19"
		       "\x12\x12\x12\x12\x12\x12\x12\x12"),
			-EPROTO, 0, 1},
		{BYTES("k8s\0\x12\x11\x0d"
		       "abcd\x12\x01x\x19"
		       "\x12\x12\x12\x12\x12\x12\x12\x12"),
			0, 0, 1},
		/* an item's own field 2 is no item */
		{BYTES("k8s\0\x12\x06\x12\x04\x12\x02\x12\x00"), 0, 0, 1},
		/* nothing, no magic, another one, no list, half a list */
		{BYTES(""), 0, -EPROTO, 0},
		{BYTES("k8s"), 0, -EPROTO, 0},
		{BYTES("{\"kind\":\"List\"}"), -EPROTO, 0, 0},
		{BYTES("k8s\0"), 0, -EPROTO, 0},
		{BYTES("k8s\0\x0a\x00"), 0, -EPROTO, 0},
		{BYTES("k8s\0\x12\x04\x12\x00\x12"), 0, -EPROTO, 1},
		{BYTES("k8s\0\x12\x04\x12\x01"), 0, -EPROTO, 1},
		/* an item that is longer than its list; a key or a length that does not end in it
		 */
		{BYTES("k8s\0\x12\x04\x12\x05"), -EPROTO, 0, 1},
		{BYTES("k8s\0\x12\x01\x12\x00"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x12\x02\x12\x80\x00"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x12\x03\x12\x00\x80\x01"), -EPROTO, 0, 1},
		/* two lists, field 0, groups, a varint without end */
		{BYTES("k8s\0\x12\x00\x12\x00"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x02\x00"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x13\x00"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x00"), 0, 0, 0},
		{BYTES("k8s\0\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), -EPROTO, 0, 0},
		{BYTES("k8s\0\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EPROTO, 0, 0},
	};
	struct asker_items items;

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		asker_items_start(&items);
		if (asker_items_take(&items, CASES[i].bytes, CASES[i].size) != CASES[i].result)
			fail_msg("case %zu", i);
		if (CASES[i].result == 0 && asker_items_end(&items) != CASES[i].end)
			fail_msg("the end of case %zu", i);
		assert_int_equal(items.count, CASES[i].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_generated_code_wrote),
		cmocka_unit_test(counts_them_in_two),
		cmocka_unit_test(counts_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
