/* aggregator/api/protobuf_writer: the bytes of small answers, and what protobuf-c reads in them. */
#include "aggregator/api/time_text.h"
#include "base/clock.h"
#include "proto/kubernetes.pb-c.h"
#include "tests/harness/cluster.h"
#include "tests/harness/rendered.h"
#include "tests/harness/small_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct listing_options protobuf_of(enum listing_resource resource, const char *name)
{
	struct listing_options options = small_cluster_options(resource, name);

	options.as.media = MEDIA_PROTOBUF;
	return options;
}

/* Takes the envelope off; the caller frees it. */
static K8s__Unknown *opened(const struct buffer *answer)
{
	K8s__Unknown *envelope;

	assert_true(answer->length > 4);
	assert_memory_equal(answer->data, "k8s\0", 4);
	envelope =
		k8s__unknown__unpack(NULL, answer->length - 4, (const uint8_t *)answer->data + 4);
	assert_non_null(envelope);
	assert_int_equal(envelope->base.n_unknown_fields, 0);
	return envelope;
}

static void check_usage(const K8s__UsageEntry *entry, const char *key, const char *quantity)
{
	assert_string_equal(entry->key, key);
	assert_string_equal(entry->value->string, quantity);
	assert_int_equal(entry->base.n_unknown_fields, 0);
}

static void lists_pods(void **state)
{
	const struct listing_options options = protobuf_of(LISTING_PODS, NULL);
	struct buffer out = {0};
	K8s__Unknown *envelope;
	K8s__PodMetricsList *list;
	const K8s__PodMetrics *pod;

	(void)state;
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	envelope = opened(&out);
	assert_string_equal(envelope->type_meta->api_version, "metrics.k8s.io/v1beta1");
	assert_string_equal(envelope->type_meta->kind, "PodMetricsList");
	list = k8s__pod_metrics_list__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_non_null(list->metadata);
	assert_int_equal(list->base.n_unknown_fields, 0); /* short: exact */
	assert_int_equal(list->n_items, 2);
	pod = list->items[1];
	assert_int_equal(pod->base.n_unknown_fields, 0);
	assert_string_equal(pod->metadata->name, "q");
	assert_string_equal(pod->metadata->namespace_, "ns");
	assert_int_equal(pod->metadata->creation_timestamp->seconds, 1767225600);
	assert_int_equal(pod->metadata->n_labels, 2);
	assert_string_equal(pod->metadata->labels[0]->key, "kubernetes.io/hostname");
	assert_string_equal(pod->metadata->labels[0]->value, "n0");
	assert_int_equal(pod->timestamp->seconds, 1767225615);
	assert_int_equal(pod->window->duration, 15016000000);
	assert_int_equal(pod->n_containers, 2);
	assert_string_equal(pod->containers[1]->name, "d");
	assert_int_equal(pod->containers[0]->n_usage, 2);
	assert_int_equal(pod->containers[1]->n_usage, 3);
	check_usage(pod->containers[1]->usage[0], "cpu", "1m");
	check_usage(pod->containers[1]->usage[1], "memory", "1048577");
	check_usage(pod->containers[1]->usage[2], "swap", "4Ki");
	k8s__pod_metrics_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	buffer_free(&out);
}

static void gets_one_node_to_the_byte(void **state)
{
	static const char EXPECTED[] =
		"k8s\0\x0a\x20\x0a\x11metrics.k8s.io/v1\x12\x0bNodeMetrics\x12\x70\x0a\x45\x0a\x02n1\x42\x06\x08\x80\xf2\xd6\xca\x06\x5a\x1c\x0a\x16kubernetes.io/hostname\x12\x02n1\x5a\x19\x0a\x10kubernetes.io/os\x12\x05linux\x12\x02\x08\x00\x1a\x07\x08\x80\xb0\x9d\xc2\xdf\x01\x22\x0a\x0a\x03cpu\x12\x03\x0a\x010\x22\x0e\x0a\x06memory\x12\x04\x0a\x021k";
	struct listing_options options = protobuf_of(LISTING_NODES, "n1");
	struct buffer out = {0};

	(void)state;
	options.version = "v1";
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	assert_int_equal(out.length, sizeof(EXPECTED) - 1);
	assert_memory_equal(out.data, EXPECTED, sizeof(EXPECTED) - 1);
	buffer_free(&out);
}

static void an_empty_list_is_a_list(void **state)
{
	static const char EXPECTED[] = "k8s\0"
				       "\x0a\x23\x0a\x11metrics.k8s.io/v1\x12\x0ePodMetricsList"
				       "\x12\x02\x0a\x00";
	struct listing_options options = protobuf_of(LISTING_PODS, NULL);
	struct buffer out = {0};

	(void)state;
	options.version = "v1";
	options.namespace = "other";
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	assert_int_equal(out.length, sizeof(EXPECTED) - 1);
	assert_memory_equal(out.data, EXPECTED, sizeof(EXPECTED) - 1);
	buffer_free(&out);
}

/* The longest names, and figures and times that only a broken sender has. */
static void lengths_grow_with_what_is_in_them(void **state)
{
	char name[STORE_MAX_NAME + 1] = "", container[64][STORE_MAX_NAME + 1];
	struct cluster_container containers[64];
	struct cluster_pod pod = {name, name, containers, 64};
	struct cluster_node host = {.name = "n2",
		.timestamp_ms = UINT64_MAX,
		.window_ms = UINT32_MAX,
		.pod = &pod,
		.pods = 1};
	struct listing_options options = protobuf_of(LISTING_PODS, name);
	struct buffer out = {0};
	K8s__Unknown *envelope;
	K8s__PodMetrics *read;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 64; i++) {
		memset(container[i], 'c', STORE_MAX_NAME);
		container[i][STORE_MAX_NAME] = '\0';
		container[i][i] = 'x';
		containers[i] = (struct cluster_container){
			container[i], {UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1}};
	}
	cluster_put(options.store, &host);
	options.namespace = name;
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	envelope = opened(&out);
	read = k8s__pod_metrics__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(read);
	assert_string_equal(read->metadata->namespace_, name);
	assert_int_equal(read->timestamp->seconds, TIME_TEXT_MAX_SECONDS);
	assert_int_equal(read->window->duration, UINT32_MAX * 1000000LL);
	assert_int_equal(read->n_containers, 64);
	for (size_t i = 0; i < 64; i++) {
		assert_string_equal(read->containers[i]->name, container[i]);
		check_usage(read->containers[i]->usage[0], "cpu", "999999999999999n");
		check_usage(read->containers[i]->usage[2], "swap", "999999999999999");
	}
	k8s__pod_metrics__free_unpacked(read, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_pods),
		cmocka_unit_test(gets_one_node_to_the_byte),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(lengths_grow_with_what_is_in_them),
	};

	return cmocka_run_group_tests_name(
		"protobuf_writer", tests, small_cluster_set_up, small_cluster_tear_down);
}
