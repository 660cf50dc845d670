/* aggregator/api/sized_list: lists in protobuf say what they say in JSON, short and long, and
 * while the store changes under them. */
#include "aggregator/api/listing.h"
#include "aggregator/api/sized_list.h"
#include "base/clock.h"
#include "proto/kubernetes.pb-c.h"
#include "tests/harness/cluster.h"
#include "tests/harness/listing_world.h"
#include "tests/harness/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static json_t *list_json(const struct listing_options *options)
{
	struct buffer out = {0};
	json_error_t why;
	json_t *list;

	assert_int_equal(rendered(options, LISTING_WORLD_LONGEST_ITEM, &out), LISTING_END);
	list = json_loadb(out.data, out.length, 0, &why);
	if (!list)
		fail_msg("%s", why.text);
	buffer_free(&out);
	return list;
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- protobuf against JSON -------------------------------------------------------------------- */

static void same_labels(const K8s__ObjectMeta *metadata, const json_t *expected)
{
	assert_int_equal(metadata->n_labels, json_object_size(expected));
	for (size_t i = 0; i < metadata->n_labels; i++)
		assert_string_equal(
			metadata->labels[i]->value, text_at(expected, metadata->labels[i]->key));
}

static void same_metadata(const K8s__ObjectMeta *metadata, const json_t *object)
{
	const json_t *expected = json_object_get(object, "metadata");
	const char *namespace = text_at(expected, "namespace");

	assert_string_equal(metadata->name, text_at(expected, "name"));
	assert_string_equal(
		metadata->namespace_ ? metadata->namespace_ : "", namespace ? namespace : "");
	assert_int_equal(metadata->creation_timestamp->seconds, LISTING_WORLD_NOW);
	assert_string_equal(text_at(expected, "creationTimestamp"), "2026-01-01T00:00:00Z");
	same_labels(metadata, json_object_get(expected, "labels"));
}

static void same_times(
	const K8s__Time *timestamp, const K8s__Duration *window, const json_t *object)
{
	time_t seconds = timestamp->seconds;
	char text[32];
	uint64_t ns;

	assert_true(strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds)) > 0);
	assert_string_equal(text, text_at(object, "timestamp"));
	assert_int_equal(json_string_length(json_object_get(object, "window")) > 1, 1);
	ns = (uint64_t)window->duration;
	(void)snprintf(text, sizeof(text), "%gs", (double)ns / 1e9);
	assert_string_equal(text, text_at(object, "window"));
}

static void same_usage(K8s__UsageEntry *const *entries, size_t count, const json_t *object)
{
	const json_t *expected = json_object_get(object, "usage");

	assert_int_equal(count, json_object_size(expected));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(entries[i]->value->string, text_at(expected, entries[i]->key));
		if (i)
			assert_true(strcmp(entries[i - 1]->key, entries[i]->key) < 0);
	}
}

static void same_pod(const K8s__PodMetrics *pod, const json_t *expected)
{
	const json_t *containers = json_object_get(expected, "containers");

	same_metadata(pod->metadata, expected);
	same_times(pod->timestamp, pod->window, expected);
	assert_int_equal(pod->n_containers, json_array_size(containers));
	for (size_t i = 0; i < pod->n_containers; i++) {
		const json_t *container = json_array_get(containers, i);

		assert_string_equal(pod->containers[i]->name, text_at(container, "name"));
		same_usage(pod->containers[i]->usage, pod->containers[i]->n_usage, container);
	}
}

static K8s__Unknown *list_protobuf(const struct listing_options *options, const char *kind)
{
	struct buffer out = {0};
	K8s__Unknown *envelope;

	assert_int_equal(rendered(options, LISTING_WORLD_LONGEST_ITEM, &out), LISTING_END);
	assert_memory_equal(out.data, "k8s\0", 4);
	envelope = k8s__unknown__unpack(NULL, out.length - 4, (const uint8_t *)out.data + 4);
	assert_non_null(envelope);
	assert_int_equal(envelope->base.n_unknown_fields, 0);
	assert_string_equal(envelope->type_meta->kind, kind);
	buffer_free(&out);
	return envelope;
}

/* Returns how many fields the list was filled up with. */
static unsigned same_pods(const struct listing_world *world)
{
	struct listing_options options = listing_world_options(world, LISTING_PODS, MEDIA_JSON);
	json_t *expected = list_json(&options), *items = json_object_get(expected, "items");
	K8s__PodMetricsList *list;
	K8s__Unknown *envelope;
	unsigned filled;

	options.as.media = MEDIA_PROTOBUF;
	envelope = list_protobuf(&options, "PodMetricsList");
	list = k8s__pod_metrics_list__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_int_equal(list->n_items, json_array_size(items));
	for (size_t i = 0; i < list->n_items; i++)
		same_pod(list->items[i], json_array_get(items, i));
	filled = list->base.n_unknown_fields;
	k8s__pod_metrics_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	json_decref(expected);
	return filled;
}

static unsigned same_nodes(const struct listing_world *world)
{
	struct listing_options options = listing_world_options(world, LISTING_NODES, MEDIA_JSON);
	json_t *expected = list_json(&options), *items = json_object_get(expected, "items");
	K8s__NodeMetricsList *list;
	K8s__Unknown *envelope;
	unsigned filled;

	options.as.media = MEDIA_PROTOBUF;
	envelope = list_protobuf(&options, "NodeMetricsList");
	list = k8s__node_metrics_list__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_int_equal(list->n_items, json_array_size(items));
	for (size_t i = 0; i < list->n_items; i++) {
		const json_t *node = json_array_get(items, i);

		same_metadata(list->items[i]->metadata, node);
		same_times(list->items[i]->timestamp, list->items[i]->window, node);
		same_usage(list->items[i]->usage, list->items[i]->n_usage, node);
	}
	filled = list->base.n_unknown_fields;
	k8s__node_metrics_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	json_decref(expected);
	return filled;
}

static unsigned same_metadata_lists(const struct listing_world *world)
{
	struct listing_options options = listing_world_options(world, LISTING_PODS, MEDIA_JSON);
	K8s__PartialObjectMetadataList *list;
	K8s__Unknown *envelope;
	json_t *expected, *items;
	unsigned filled;

	options.as.form = FORM_METADATA;
	expected = list_json(&options);
	items = json_object_get(expected, "items");
	options.as.media = MEDIA_PROTOBUF;
	envelope = list_protobuf(&options, "PartialObjectMetadataList");
	list = k8s__partial_object_metadata_list__unpack(
		NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_int_equal(list->n_items, json_array_size(items));
	for (size_t i = 0; i < list->n_items; i++)
		same_metadata(list->items[i]->metadata, json_array_get(items, i));
	filled = list->base.n_unknown_fields;
	k8s__partial_object_metadata_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	json_decref(expected);
	return filled;
}

static void protobuf_and_json_say_the_same(void **state)
{
	static const struct {
		struct cluster_shape shape;
		bool pods_filled, nodes_filled, metadata_filled;
	} CASES[] = {
		{{.nodes = 0, .namespaces = 1}, false, false, false},
		{{.nodes = 1, .pods = 1, .containers = 1, .namespaces = 1}, false, false, false},
		{{.nodes = 3, .pods = 7, .containers = 3, .namespaces = 5, .seed = 1}, false, false,
			false},
		{{.nodes = 20, .pods = 30, .containers = 2, .namespaces = 3, .seed = 2}, true,
			false, false},
		{{.nodes = 1000, .pods = 2, .containers = 3, .namespaces = 50, .seed = 3}, true,
			true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct listing_world world = listing_world_make(&CASES[i].shape);

		assert_int_equal(same_pods(&world) > 0, CASES[i].pods_filled);
		assert_int_equal(same_nodes(&world) > 0, CASES[i].nodes_filled);
		assert_int_equal(same_metadata_lists(&world) > 0, CASES[i].metadata_filled);
		listing_world_end(&world);
	}
}

/* --- change while a list is read -------------------------------------------------------------- */

/* Reads until something came, so that the length is declared; returns it all after `change`. */
static enum listing_state read_while(struct listing_world *world,
	const struct cluster_shape *change, bool forget_first, struct buffer *out)
{
	struct listing_options options = listing_world_options(world, LISTING_PODS, MEDIA_PROTOBUF);
	struct listing *listing = listing_new(&options);
	enum listing_state next;

	assert_non_null(listing);
	do {
		next = listing_next(listing, out);
	} while (next == LISTING_MORE && out->length == 0);
	assert_int_equal(next, LISTING_MORE);
	if (forget_first)
		store_expire(world->store, UINT64_MAX - 1);
	if (change)
		cluster_fill(world->store, change);
	while (next == LISTING_MORE)
		next = listing_next(listing, out);
	listing_free(listing);
	return next;
}

static size_t items_in(const struct buffer *answer)
{
	K8s__Unknown *envelope =
		k8s__unknown__unpack(NULL, answer->length - 4, (const uint8_t *)answer->data + 4);
	K8s__PodMetricsList *list;
	size_t items;

	assert_non_null(envelope);
	list = k8s__pod_metrics_list__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	items = list->n_items;
	k8s__pod_metrics_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	return items;
}

static const struct cluster_shape MANY = {
	.nodes = 100, .pods = 30, .containers = 2, .namespaces = 10};

static void figures_may_change_between_the_walks(void **state)
{
	struct listing_world world = listing_world_make(&MANY);
	struct cluster_shape again = MANY;
	struct buffer out = {0};

	(void)state;
	again.seed = 99;
	assert_int_equal(read_while(&world, &again, false, &out), LISTING_END);
	/* The pods' names come from the seed too: those behind the cursor are other ones, as many,
	 * give or take the one at it. */
	assert_in_range(items_in(&out), 2990, 3010);
	buffer_free(&out);
	listing_world_end(&world);
}

static void some_pods_may_come_between_the_walks(void **state)
{
	struct listing_world world = listing_world_make(&MANY);
	const struct cluster_shape more = {
		.first_node = 100, .nodes = 2, .pods = 30, .containers = 2, .namespaces = 10};
	struct buffer out = {0};

	(void)state;
	assert_int_equal(read_while(&world, &more, false, &out), LISTING_END);
	assert_in_range(items_in(&out), 3001, 3060);
	buffer_free(&out);
	listing_world_end(&world);
}

static void all_pods_may_go_between_the_walks(void **state)
{
	struct listing_world world = listing_world_make(&MANY);
	struct buffer out = {0};

	(void)state;
	assert_int_equal(read_while(&world, NULL, true, &out), LISTING_END);
	assert_true(items_in(&out) < 3000);
	buffer_free(&out);
	listing_world_end(&world);
}

static void a_list_that_outgrows_its_length_fails(void **state)
{
	struct listing_world world = listing_world_make(&MANY);
	const struct cluster_shape more = {
		.first_node = 100, .nodes = 100, .pods = 30, .containers = 2, .namespaces = 10};
	struct buffer out = {0};

	(void)state;
	assert_int_equal(read_while(&world, &more, false, &out), LISTING_FAILED);
	buffer_free(&out);
	listing_world_end(&world);
}

/* --- gathering -------------------------------------------------------------------------------- */

static unsigned pods_filled(const struct listing_world *world, struct gather_room *room,
	const char *namespace, size_t *ret_items)
{
	struct listing_options options = listing_world_options(world, LISTING_PODS, MEDIA_PROTOBUF);
	K8s__PodMetricsList *list;
	K8s__Unknown *envelope;
	unsigned filled;

	options.room = room;
	options.namespace = namespace;
	envelope = list_protobuf(&options, "PodMetricsList");
	list = k8s__pod_metrics_list__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	filled = list->base.n_unknown_fields;
	*ret_items = list->n_items;
	k8s__pod_metrics_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	return filled;
}

static uint64_t refused(const struct listing_world *world)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_aggregator_list_gather_refused_total", "", NULL, NULL));
}

static void a_list_is_exact_while_there_is_room(void **state)
{
	struct listing_world world = listing_world_make(&MANY); /* some 1 MB */
	static const struct {
		size_t room;
		bool filled;
	} CASES[] = {
		{0, true},
		{SIZED_LIST_PORTION - 1, true},
		{SIZED_LIST_PORTION, true}, /* for its beginning */
		{SIZED_LIST_GATHERED_MOST, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct gather_room *room = gather_room_new(CASES[i].room, world.telemetry);
		uint64_t before = refused(&world);
		size_t items;

		assert_non_null(room);
		assert_int_equal(pods_filled(&world, room, NULL, &items) > 0, CASES[i].filled);
		assert_int_equal(items, 3000);
		assert_int_equal(refused(&world) - before, CASES[i].filled);
		/* All of it was given back. */
		assert_true(gather_room_take(room, CASES[i].room));
		assert_false(gather_room_take(room, 1));
		gather_room_free(room);
	}
	listing_world_end(&world);
}

/* What is known to be too long is declared at once, what is not is gathered first. */
static void a_list_beyond_the_most_is_not_gathered(void **state)
{
	static const struct cluster_shape HUGE = {
		.nodes = 1000, .pods = 30, .containers = 2, .namespaces = 1};
	struct listing_world world = listing_world_make(&HUGE); /* some 10 MB */
	struct gather_room *room =
		gather_room_new((size_t)4 * SIZED_LIST_GATHERED_MOST, world.telemetry);
	size_t items;

	(void)state;
	assert_non_null(room);
	assert_true(pods_filled(&world, room, NULL, &items) > 0);
	assert_int_equal(items, 30000);
	assert_true(pods_filled(&world, room, "namespace-000", &items) > 0);
	assert_int_equal(items, 30000);
	assert_int_equal(refused(&world), 0);
	assert_true(gather_room_take(room, (size_t)4 * SIZED_LIST_GATHERED_MOST));
	gather_room_free(room);
	listing_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protobuf_and_json_say_the_same),
		cmocka_unit_test(figures_may_change_between_the_walks),
		cmocka_unit_test(some_pods_may_come_between_the_walks),
		cmocka_unit_test(all_pods_may_go_between_the_walks),
		cmocka_unit_test(a_list_that_outgrows_its_length_fails),
		cmocka_unit_test(a_list_is_exact_while_there_is_room),
		cmocka_unit_test(a_list_beyond_the_most_is_not_gathered),
	};

	return cmocka_run_group_tests_name("sized_list", tests, NULL, NULL);
}
