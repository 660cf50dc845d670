/* aggregator/api/listing: forms, selectors and pages. */
#include "aggregator/api/listing.h"
#include "base/clock.h"
#include "tests/harness/cluster.h"
#include "tests/harness/listing_world.h"
#include "tests/harness/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <string.h>

#include <cmocka.h>

static struct label_selector *labels(const char *text)
{
	struct label_selector *selector;

	assert_int_equal(label_selector_parse(text, &selector, NULL), 0);
	return selector;
}

static struct field_selector *fields(const char *text)
{
	struct field_selector *selector;

	assert_int_equal(field_selector_parse(text, &selector, NULL), 0);
	return selector;
}

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

/* --- forms ------------------------------------------------------------------------------------ */

static void a_table_has_a_row_for_each_item(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 40, .pods = 20, .containers = 2, .namespaces = 4};
	struct listing_world world = listing_world_make(&shape);
	struct listing_options options = listing_world_options(&world, LISTING_PODS, MEDIA_JSON);
	json_t *list = list_json(&options), *items = json_object_get(list, "items"), *table, *rows;

	(void)state;
	options.as.form = FORM_TABLE;
	table = list_json(&options);
	rows = json_object_get(table, "rows");
	assert_int_equal(json_array_size(items), 800);
	assert_int_equal(json_array_size(rows), 800);
	for (size_t i = 0; i < 800; i++) {
		const json_t *row = json_array_get(rows, i), *item = json_array_get(items, i);
		const json_t *cells = json_object_get(row, "cells");

		assert_true(json_equal(json_object_get(json_object_get(row, "object"), "metadata"),
			json_object_get(item, "metadata")));
		assert_string_equal(
			json_string_value(json_array_get(cells, 3)), text_at(item, "window"));
	}
	json_decref(list);
	json_decref(table);
	listing_world_end(&world);
}

static void indented_json_is_the_same_json(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 40, .pods = 20, .containers = 2, .namespaces = 4};
	struct listing_world world = listing_world_make(&shape);
	struct listing_options options = listing_world_options(&world, LISTING_PODS, MEDIA_JSON);
	json_t *compact = list_json(&options), *indented;

	(void)state;
	options.as.pretty = true;
	indented = list_json(&options);
	assert_true(json_equal(compact, indented));
	json_decref(compact);
	json_decref(indented);
	listing_world_end(&world);
}

/* --- selection -------------------------------------------------------------------------------- */

static void check_count(struct listing_options *options, size_t expected)
{
	json_t *list = list_json(options);

	assert_int_equal(json_array_size(json_object_get(list, "items")), expected);
	json_decref(list);
	options->labels = NULL; /* the listing took them */
	options->fields = NULL;
}

static void selects(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 10, .pods = 20, .containers = 1, .namespaces = 4};
	struct listing_world world = listing_world_make(&shape);
	struct listing_options options = listing_world_options(&world, LISTING_PODS, MEDIA_JSON);

	(void)state;
	check_count(&options, 200);
	options.namespace = "namespace-003";
	check_count(&options, 50);
	options.namespace = "namespace-00";
	check_count(&options, 0);
	options.namespace = NULL;
	options.fields = fields("metadata.namespace=namespace-001");
	check_count(&options, 50);
	options.fields = fields("metadata.name=nobody");
	check_count(&options, 0);
	options.labels = labels("kubernetes.io/os=linux");
	check_count(&options, 200);
	options.labels = labels("kubernetes.io/hostname in (node-00003,node-00004)");
	check_count(&options, 40);
	options.labels = labels("kubernetes.io/hostname=node-00003");
	options.fields = fields("metadata.namespace!=namespace-001");
	check_count(&options, 15);
	options.resource = LISTING_NODES;
	options.fields = fields("metadata.name=node-00009");
	check_count(&options, 1);
	options.fields = fields("metadata.namespace=namespace-001");
	check_count(&options, 0);
	listing_world_end(&world);
}

static void a_get_does_not_ask_selectors(void **state)
{
	const struct cluster_shape shape = {.nodes = 1, .namespaces = 1};
	struct listing_world world = listing_world_make(&shape);
	struct listing_options options = listing_world_options(&world, LISTING_NODES, MEDIA_JSON);
	struct buffer out = {0};

	(void)state;
	options.name = "node-00000";
	options.labels = labels("no=such");
	options.fields = fields("metadata.name=other");
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	buffer_free(&out);
	listing_world_end(&world);
}

static void what_is_not_served_is_not_found(void **state)
{
	static const enum form FORMS[] = {FORM_OBJECT, FORM_TABLE, FORM_METADATA};
	const struct cluster_shape shape = {
		.nodes = 1, .pods = 1, .containers = 1, .namespaces = 1};
	struct listing_world world = listing_world_make(&shape);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct listing_options options = listing_world_options(
			&world, LISTING_PODS, FORMS[i] == FORM_TABLE ? MEDIA_JSON : MEDIA_PROTOBUF);
		struct buffer out = {0};

		options.namespace = "namespace-000";
		options.name = "nobody";
		options.as.form = FORMS[i];
		assert_int_equal(rendered(&options, 0, &out), LISTING_NOT_FOUND);
		assert_int_equal(out.length, 0);
		options.resource = LISTING_NODES;
		options.namespace = NULL;
		assert_int_equal(rendered(&options, 0, &out), LISTING_NOT_FOUND);
		assert_int_equal(out.length, 0);
		buffer_free(&out);
	}
	listing_world_end(&world);
}

/* --- pages ------------------------------------------------------------------------------------ */

/* An item larger than a page is written whole, alone over the bound. */
static void a_pod_may_be_larger_than_a_page(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 3, .pods = 1, .containers = 2000, .namespaces = 1};
	struct listing_world world = listing_world_make(&shape);
	static const enum media MEDIA[] = {MEDIA_JSON, MEDIA_PROTOBUF};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct listing_options options =
			listing_world_options(&world, LISTING_PODS, MEDIA[i]);
		struct buffer out = {0};

		assert_int_equal(rendered(&options, 1024 * 1024, &out), LISTING_END);
		assert_true(out.length > 3 * LISTING_PAGE);
		buffer_free(&out);
	}
	listing_world_end(&world);
}

static void pages_are_full_and_few(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 100, .pods = 30, .containers = 2, .namespaces = 10};
	struct listing_world world = listing_world_make(&shape);
	struct listing_options options = listing_world_options(&world, LISTING_PODS, MEDIA_JSON);
	struct listing *listing = listing_new(&options);
	size_t total = 0, pages = 0;
	enum listing_state next;

	(void)state;
	assert_non_null(listing);
	do {
		struct buffer page = {0};

		next = listing_next(listing, &page);
		assert_int_not_equal(next, LISTING_FAILED);
		assert_true(page.length <= LISTING_PAGE + LISTING_WORLD_LONGEST_ITEM);
		pages += page.length > 0;
		total += page.length;
		buffer_free(&page);
	} while (next == LISTING_MORE);
	assert_true(total > 10 * LISTING_PAGE);
	assert_true(pages >= total / (LISTING_PAGE + LISTING_WORLD_LONGEST_ITEM));
	listing_free(listing);
	listing_world_end(&world);
}

static void says_when_memory_is_short(void **state)
{
	static const enum media MEDIA[] = {MEDIA_JSON, MEDIA_PROTOBUF};
	const struct cluster_shape shape = {
		.nodes = 100, .pods = 30, .containers = 2, .namespaces = 10};
	struct listing_world world = listing_world_make(&shape);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct listing_options options =
			listing_world_options(&world, LISTING_PODS, MEDIA[i]);
		struct listing *listing = listing_new(&options);
		struct buffer out = {.limit = 1000};
		enum listing_state next;

		assert_non_null(listing);
		do {
			next = listing_next(listing, &out);
		} while (next == LISTING_MORE);
		assert_int_equal(next, LISTING_FAILED);
		listing_free(listing);
		buffer_free(&out);
	}
	listing_free(NULL);
	listing_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_a_row_for_each_item),
		cmocka_unit_test(indented_json_is_the_same_json),
		cmocka_unit_test(selects),
		cmocka_unit_test(a_get_does_not_ask_selectors),
		cmocka_unit_test(what_is_not_served_is_not_found),
		cmocka_unit_test(a_pod_may_be_larger_than_a_page),
		cmocka_unit_test(pages_are_full_and_few),
		cmocka_unit_test(says_when_memory_is_short),
	};

	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
