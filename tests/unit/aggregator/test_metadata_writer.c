/* aggregator/api/metadata_writer: PartialObjectMetadata in JSON and protobuf. */
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

static struct listing_options metadata_of(
	enum listing_resource resource, const char *name, enum media media)
{
	struct listing_options options = small_cluster_options(resource, name);

	options.as.form = FORM_METADATA;
	options.as.media = media;
	return options;
}

static void lists_in_json_with_types(void **state)
{
	const struct listing_options options = metadata_of(LISTING_PODS, NULL, MEDIA_JSON);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\","
		"\"metadata\":{},\"items\":[{\"kind\":\"PartialObjectMetadata\","
		"\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"p\","
		"\"namespace\":\"ns\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}},{"
		"\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
		"\"metadata\":{\"name\":\"q\",\"namespace\":\"ns\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}}]}\n");
}

static void gets_one_in_json(void **state)
{
	struct listing_options options = metadata_of(LISTING_NODES, "n1", MEDIA_JSON);

	(void)state;
	options.as.meta_v1beta1 = true;
	small_cluster_check(&options,
		"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1beta1\","
		"\"metadata\":{\"name\":\"n1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\","
		"\"labels\":{\"kubernetes.io/hostname\":\"n1\","
		"\"kubernetes.io/os\":\"linux\"}}}\n");
}

static void an_empty_list_has_items(void **state)
{
	struct listing_options options = metadata_of(LISTING_PODS, NULL, MEDIA_JSON);

	(void)state;
	options.namespace = "other";
	small_cluster_check(&options,
		"{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\","
		"\"metadata\":{},\"items\":[]}\n");
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

static void check_metadata(const K8s__ObjectMeta *metadata, const char *namespace, const char *name)
{
	assert_string_equal(metadata->name, name);
	if (namespace)
		assert_string_equal(metadata->namespace_, namespace);
	else
		assert_null(metadata->namespace_);
	assert_int_equal(metadata->creation_timestamp->seconds, 1767225600);
	assert_int_equal(metadata->n_labels, 2);
	assert_string_equal(metadata->labels[1]->key, "kubernetes.io/os");
	assert_string_equal(metadata->labels[1]->value, "linux");
}

static void lists_in_protobuf(void **state)
{
	const struct listing_options options = metadata_of(LISTING_PODS, NULL, MEDIA_PROTOBUF);
	struct buffer out = {0};
	K8s__Unknown *envelope;
	K8s__PartialObjectMetadataList *list;

	(void)state;
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	envelope = opened(&out);
	assert_string_equal(envelope->type_meta->api_version, "meta.k8s.io/v1");
	assert_string_equal(envelope->type_meta->kind, "PartialObjectMetadataList");
	list = k8s__partial_object_metadata_list__unpack(
		NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_int_equal(list->n_items, 2);
	check_metadata(list->items[0]->metadata, "ns", "p");
	check_metadata(list->items[1]->metadata, "ns", "q");
	assert_int_equal(list->items[0]->base.n_unknown_fields, 0);
	k8s__partial_object_metadata_list__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	buffer_free(&out);
}

/* Its fields have other numbers than in v1. */
static void lists_in_protobuf_of_v1beta1(void **state)
{
	struct listing_options options = metadata_of(LISTING_PODS, NULL, MEDIA_PROTOBUF);
	struct buffer out = {0};
	K8s__Unknown *envelope;
	K8s__PartialObjectMetadataListV1beta1 *list;

	(void)state;
	options.as.meta_v1beta1 = true;
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	envelope = opened(&out);
	assert_string_equal(envelope->type_meta->api_version, "meta.k8s.io/v1beta1");
	list = k8s__partial_object_metadata_list_v1beta1__unpack(
		NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(list);
	assert_non_null(list->metadata);
	assert_int_equal(list->metadata->base.n_unknown_fields, 0);
	assert_int_equal(list->n_items, 2);
	check_metadata(list->items[0]->metadata, "ns", "p");
	check_metadata(list->items[1]->metadata, "ns", "q");
	k8s__partial_object_metadata_list_v1beta1__free_unpacked(list, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	buffer_free(&out);
}

static void gets_one_in_protobuf(void **state)
{
	struct listing_options options = metadata_of(LISTING_NODES, "n1", MEDIA_PROTOBUF);
	struct buffer out = {0};
	K8s__Unknown *envelope;
	K8s__PartialObjectMetadata *object;

	(void)state;
	options.as.meta_v1beta1 = true;
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	envelope = opened(&out);
	assert_string_equal(envelope->type_meta->api_version, "meta.k8s.io/v1beta1");
	assert_string_equal(envelope->type_meta->kind, "PartialObjectMetadata");
	object = k8s__partial_object_metadata__unpack(NULL, envelope->raw.len, envelope->raw.data);
	assert_non_null(object);
	check_metadata(object->metadata, NULL, "n1");
	k8s__partial_object_metadata__free_unpacked(object, NULL);
	k8s__unknown__free_unpacked(envelope, NULL);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_in_json_with_types),
		cmocka_unit_test(gets_one_in_json),
		cmocka_unit_test(an_empty_list_has_items),
		cmocka_unit_test(lists_in_protobuf),
		cmocka_unit_test(lists_in_protobuf_of_v1beta1),
		cmocka_unit_test(gets_one_in_protobuf),
	};

	return cmocka_run_group_tests_name(
		"metadata_writer", tests, small_cluster_set_up, small_cluster_tear_down);
}
