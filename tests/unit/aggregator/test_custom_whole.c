/* aggregator/api/custom_whole and custom_writer: many pods, added up and listed page by page. */
#include "aggregator/api/custom_whole.h"
#include "aggregator/api/gather_room.h"
#include "tests/harness/listing_world.h"
#include "tests/harness/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PODS 20000

static const struct custom_metric CPU = {METRIC_CPU_USAGE, "cpu_usage", false};
static const struct custom_metric SWAP = {METRIC_MEMORY_SWAP, "memory_swap", false};

static struct listing_world world;

static int set_up(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 200, .pods = PODS / 200, .containers = 2, .namespaces = 1};

	(void)state;
	world = listing_world_make(&shape);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	listing_world_end(&world);
	return 0;
}

/* What the store has, without pages. */
struct naive {
	enum metric metric;
	uint64_t sum;
	size_t count;
};

static bool add(void *context, const struct store_pod_view *pod)
{
	struct naive *naive = context;
	uint64_t value;
	bool any = false;

	for (uint32_t i = 0; i < pod->containers; i++) {
		if (!store_container_value(pod, i, naive->metric, &value))
			continue;
		naive->sum += value;
		any = true;
	}
	naive->count += any;
	return true;
}

static struct naive naive_of(enum metric metric)
{
	struct naive naive = {.metric = metric};
	struct store_cursor cursor = {0};

	assert_int_equal(
		store_visit_pods(world.store, NULL, NULL, &cursor, SIZE_MAX, add, &naive), 0);
	store_cursor_free(&cursor);
	return naive;
}

static void check_sum(const struct custom_metric *metric)
{
	const struct custom_whole_options options = {.store = world.store,
		.metric = *metric,
		.thing = CUSTOM_NAMESPACE,
		.namespace = "namespace-000",
		.name = "namespace-000"};
	struct custom_whole *whole = custom_whole_new(&options);
	struct naive naive = naive_of(metric->metric);
	struct buffer out = {0};
	enum listing_state state;
	char *end;
	const char *value;

	assert_non_null(whole);
	while ((state = custom_whole_next(whole, &out)) == LISTING_MORE)
		assert_int_equal(out.length, 0);
	assert_int_equal(state, LISTING_END);
	value = strstr(buffer_terminate(&out), "\"value\":\"");
	assert_non_null(value);
	assert_int_equal(strtoull(value + 9, &end, 10), naive.sum);
	assert_true(naive.count > 0);
	buffer_free(&out);
	custom_whole_free(whole);
}

static void adds_up_all(void **state)
{
	(void)state;
	check_sum(&CPU);
}

static void finds_nobody(void **state)
{
	static const char *const NAMESPACES[] = {"namespace-00", "namespace-0000", "nowhere"};

	(void)state;
	for (size_t i = 0; i < sizeof(NAMESPACES) / sizeof(NAMESPACES[0]); i++) {
		const struct custom_whole_options options = {.store = world.store,
			.metric = CPU,
			.thing = CUSTOM_NAMESPACE,
			.namespace = NAMESPACES[i],
			.name = NAMESPACES[i]};
		struct custom_whole *whole = custom_whole_new(&options);
		struct buffer out = {0};

		assert_int_equal(custom_whole_next(whole, &out), LISTING_NOT_FOUND);
		assert_int_equal(out.length, 0);
		assert_string_equal(custom_whole_name(whole), NAMESPACES[i]);
		custom_whole_free(whole);
	}
}

/* No name can be so long: nobody has it. */
static void takes_names_of_any_length(void **state)
{
	char name[1000];
	struct custom_whole_options options = {.store = world.store,
		.metric = CPU,
		.thing = CUSTOM_WORKLOAD,
		.namespace = "namespace-000",
		.name = name};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++) {
		struct custom_whole *whole;
		struct buffer out = {0};

		options.workload = (enum workload_kind)kind;
		whole = custom_whole_new(&options);
		assert_non_null(whole);
		assert_int_equal(custom_whole_next(whole, &out), LISTING_NOT_FOUND);
		custom_whole_free(whole);
	}
}

static struct listing_options list_of(const struct custom_metric *metric, enum media media)
{
	struct listing_options options = listing_world_options(&world, LISTING_PODS, media);

	options.namespace = "namespace-000";
	options.custom = metric;
	return options;
}

static void check_json(const struct custom_metric *metric)
{
	struct listing_options options = list_of(metric, MEDIA_JSON);
	struct naive naive = naive_of(metric->metric);
	struct buffer out = {0};
	json_t *list;

	assert_int_equal(rendered(&options, LISTING_WORLD_LONGEST_ITEM, &out), LISTING_END);
	list = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(list);
	assert_int_equal(json_array_size(json_object_get(list, "items")), naive.count);
	json_decref(list);
	buffer_free(&out);
}

static void lists_whom_it_has(void **state)
{
	(void)state;
	check_json(&CPU);
	check_json(&SWAP); /* every third pod */
	assert_int_equal(naive_of(METRIC_CPU_USAGE).count, PODS);
	assert_true(naive_of(METRIC_MEMORY_SWAP).count < PODS / 2);
}

static uint64_t varint(const unsigned char **at)
{
	uint64_t value = 0;
	unsigned shift = 0;

	do
		value |= (uint64_t)(**at & 0x7f) << shift;
	while (shift += 7, *(*at)++ & 0x80);
	return value;
}

/* Items of the list, whose length must be what was declared. */
static size_t count_items(const unsigned char *at, size_t length)
{
	const unsigned char *end = at + length;
	size_t items = 0;
	uint64_t size;

	at += 4;
	assert_int_equal(*at++, 0x0a);
	size = varint(&at);
	at += size;
	assert_int_equal(*at++, 0x12);
	size = varint(&at);
	assert_int_equal(size, end - at);
	while (at < end) {
		uint64_t tag = varint(&at);

		size = varint(&at);
		assert_true(size <= (uint64_t)(end - at));
		items += tag == 0x12;
		at += size;
	}
	assert_ptr_equal(at, end);
	return items;
}

static void check_protobuf(const struct custom_metric *metric, struct gather_room *room)
{
	struct listing_options options = list_of(metric, MEDIA_PROTOBUF);
	struct buffer out = {0};

	options.room = room;
	assert_int_equal(rendered(&options, LISTING_WORLD_LONGEST_ITEM, &out), LISTING_END);
	assert_int_equal(count_items((const unsigned char *)out.data, out.length),
		naive_of(metric->metric).count);
	buffer_free(&out);
}

static void lists_in_protobuf(void **state)
{
	struct gather_room *room = gather_room_new(8U << 20, world.telemetry);

	(void)state;
	assert_non_null(room);
	check_protobuf(&CPU, room); /* gathered */
	check_protobuf(&CPU, NULL); /* counted first */
	check_protobuf(&SWAP, NULL);
	gather_room_free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_all),
		cmocka_unit_test(finds_nobody),
		cmocka_unit_test(takes_names_of_any_length),
		cmocka_unit_test(lists_whom_it_has),
		cmocka_unit_test(lists_in_protobuf),
	};

	return cmocka_run_group_tests_name("custom_whole", tests, set_up, tear_down);
}
