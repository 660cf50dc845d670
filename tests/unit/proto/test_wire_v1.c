/* The wire as its first version wrote it, read for ever: proto/tacho.proto may grow, these bytes
 * keep their meaning. They were checked with `protoc --decode`. Never change them; a later version
 * gets a file of its own. */
#include "proto/metric.h"
#include "proto/tacho.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char HELLO[] = "0a24"                             /* Message.hello, 36 bytes */
			    "0a0e6e6f64652d312e6578616d706c65" /* node "node-1.example" */
			    "1205302e312e30"                   /* agent_version "0.1.0" */
			    "1a0800736563726574ff"             /* credential, not text */
			    "20e807";                          /* interval_ms 1000 */

static const char CATALOG[] = "1266"                               /* Message.catalog, 102 bytes */
			      "08ffffffffffffffffff01"             /* revision, the highest */
			      "1212"                               /* node */
			      "0880f403"                           /*   64,000 millicores */
			      "10808080808008"                     /*   256 GiB */
			      "1a0561726d3634"                     /*   "arm64" */
			      "1a33"                               /* pod */
			      "0a0473686f70"                       /*   namespace "shop" */
			      "12057765622d30"                     /*   name "web-0" */
			      "1a0435643665"                       /*   uid "5d6e" */
			      "220d0a056e67696e78120434663563"     /* container "nginx", "4f5c" */
			      "220f0a0773696465636172120439613031" /* container "sidecar", "9a01" */
			      "1a10"                               /* pod without names */
			      "1a0430623163"                       /*   uid "0b1c" */
			      "2206120437376565" /*   container without name, "77ee" */
			      "2801";            /*   incomplete */

static const char SAMPLE[] =
	"1a4a"                                         /* Message.sample, 74 bytes */
	"08ffffffffffffffffff01"                       /* revision */
	"10fbd0eab6b733"                               /* timestamp_ms 1767225600123 */
	"189875"                                       /* window_ms 15000 */
	"220600bfbb01f403"                             /* window_delta_ms 0, -12000, 250 */
	"2a0a0801120681e59a770001"                     /* metric 1: 250000001, 0, 1 */
	"2a1408051210ffffffffffffffffff01818080208120" /* metric 5: the highest, 67108865, 4097 */
	"2a090864120581dea0cb05";                      /* metric 100: 1500000001 */

static const char SPARSE[] = "1a11"       /* Message.sample, 17 bytes */
			     "0801"       /* revision 1 */
			     "2a0d"       /* a column */
			     "080a"       /*   of metric 10 */
			     "1203ad0201" /*   values 301, 1 */
			     "1808"       /*   others 8 */
			     "22020103";  /*   of row 1, and 3 behind it */

static const char STEPS[] = "1a20"           /* Message.sample, 32 bytes */
			    "0801"           /* revision 1 */
			    "10fbd0eab6b733" /* timestamp_ms 1767225600123 */
			    "2a0a"           /* a column */
			    "0806"           /*   of metric 6 */
			    "1203008108"     /*   values 0, 1025 */
			    "288020"         /*   step 4096 */
			    "3093c9eab6b733" /* kept_ms 1767225599123 */
			    "3a020912";      /* kept: metrics 9 and 18 */

/* The bytes of a hex text; the caller frees them. */
static uint8_t *bytes_of(const char *hex, size_t *ret_size)
{
	uint8_t *bytes = malloc(strlen(hex) / 2 + 1);

	assert_non_null(bytes);
	*ret_size = strlen(hex) / 2;
	for (size_t i = 0; i < *ret_size; i++) {
		const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return bytes;
}

static Tacho__V1__Message *decode(const char *hex)
{
	size_t size;
	uint8_t *bytes = bytes_of(hex, &size);
	Tacho__V1__Message *message = tacho__v1__message__unpack(NULL, size, bytes);

	free(bytes);
	assert_non_null(message);
	return message;
}

/* What is written today is what was written then. */
static void expect_encoding(const Tacho__V1__Message *message, const char *hex)
{
	size_t size;
	uint8_t *expected = bytes_of(hex, &size), *bytes = malloc(size + 1);

	assert_non_null(bytes);
	assert_int_equal(tacho__v1__message__get_packed_size(message), size);
	assert_int_equal(tacho__v1__message__pack(message, bytes), size);
	assert_memory_equal(bytes, expected, size);
	free(bytes);
	free(expected);
}

static void reads_hello(void **state)
{
	Tacho__V1__Message *message = decode(HELLO);
	const Tacho__V1__Hello *hello = message->hello;

	(void)state;
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_HELLO);
	assert_string_equal(hello->node, "node-1.example");
	assert_string_equal(hello->agent_version, "0.1.0");
	assert_int_equal(hello->credential.len, 8);
	assert_memory_equal(hello->credential.data, "\0secret\xff", 8);
	assert_int_equal(hello->interval_ms, 1000);
	expect_encoding(message, HELLO);
	tacho__v1__message__free_unpacked(message, NULL);
}

static void reads_catalog(void **state)
{
	Tacho__V1__Message *message = decode(CATALOG);
	const Tacho__V1__Catalog *catalog = message->catalog;

	(void)state;
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_CATALOG);
	assert_true(catalog->revision == UINT64_MAX);
	assert_int_equal(catalog->node->cpu_millicores, 64000);
	assert_true(catalog->node->memory_bytes == UINT64_C(256) << 30);
	assert_string_equal(catalog->node->architecture, "arm64");
	assert_int_equal(catalog->n_pods, 2);
	assert_string_equal(catalog->pods[0]->namespace_, "shop");
	assert_string_equal(catalog->pods[0]->name, "web-0");
	assert_string_equal(catalog->pods[0]->uid, "5d6e");
	assert_false(catalog->pods[0]->incomplete);
	assert_int_equal(catalog->pods[0]->n_containers, 2);
	assert_string_equal(catalog->pods[0]->containers[0]->name, "nginx");
	assert_string_equal(catalog->pods[0]->containers[0]->id, "4f5c");
	assert_string_equal(catalog->pods[0]->containers[1]->name, "sidecar");
	assert_string_equal(catalog->pods[1]->namespace_, "");
	assert_string_equal(catalog->pods[1]->name, "");
	assert_string_equal(catalog->pods[1]->uid, "0b1c");
	assert_true(catalog->pods[1]->incomplete);
	assert_string_equal(catalog->pods[1]->containers[0]->name, "");
	assert_string_equal(catalog->pods[1]->containers[0]->id, "77ee");
	expect_encoding(message, CATALOG);
	tacho__v1__message__free_unpacked(message, NULL);
}

static void reads_sample(void **state)
{
	Tacho__V1__Message *message = decode(SAMPLE);
	const Tacho__V1__Sample *sample = message->sample;

	(void)state;
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_SAMPLE);
	assert_true(sample->revision == UINT64_MAX);
	assert_int_equal(sample->timestamp_ms, 1767225600123);
	assert_int_equal(sample->window_ms, 15000);
	assert_int_equal(sample->n_window_delta_ms, 3);
	assert_int_equal(sample->window_delta_ms[0], 0);
	assert_int_equal(sample->window_delta_ms[1], -12000);
	assert_int_equal(sample->window_delta_ms[2], 250);
	assert_int_equal(sample->n_columns, 3);
	assert_int_equal(metric_by_id(sample->columns[0]->metric), METRIC_CPU_USAGE);
	assert_int_equal(sample->columns[0]->n_values, 3);
	assert_int_equal(sample->columns[0]->values[0], 250000001);
	assert_int_equal(sample->columns[0]->values[1], 0);
	assert_int_equal(metric_by_id(sample->columns[1]->metric), METRIC_MEMORY_WORKING_SET);
	assert_true(sample->columns[1]->values[0] == UINT64_MAX);
	assert_int_equal(sample->columns[1]->values[2], 4097);
	assert_int_equal(metric_by_id(sample->columns[2]->metric), METRIC_NODE_CPU_USAGE);
	assert_int_equal(sample->columns[2]->values[0], 1500000001);
	expect_encoding(message, SAMPLE);
	tacho__v1__message__free_unpacked(message, NULL);
}

static void reads_a_sparse_column(void **state)
{
	Tacho__V1__Message *message = decode(SPARSE);
	const Tacho__V1__Column *column = message->sample->columns[0];

	(void)state;
	assert_int_equal(message->sample->n_columns, 1);
	assert_int_equal(metric_by_id(column->metric), METRIC_PIDS);
	assert_int_equal(column->n_values, 2);
	assert_int_equal(column->values[0], 301);
	assert_int_equal(column->values[1], 1);
	assert_int_equal(column->others, 8);
	assert_int_equal(column->n_rows, 2);
	assert_int_equal(column->rows[0], 1);
	assert_int_equal(column->rows[1], 3);
	expect_encoding(message, SPARSE);
	tacho__v1__message__free_unpacked(message, NULL);
}

static void reads_steps_and_what_is_kept(void **state)
{
	Tacho__V1__Message *message = decode(STEPS);
	const Tacho__V1__Sample *sample = message->sample;

	(void)state;
	assert_int_equal(sample->n_columns, 1);
	assert_int_equal(metric_by_id(sample->columns[0]->metric), METRIC_MEMORY_RSS);
	assert_int_equal(sample->columns[0]->n_values, 2);
	assert_int_equal(sample->columns[0]->values[0], 0);
	assert_int_equal(sample->columns[0]->values[1], 1025);
	assert_int_equal(sample->columns[0]->step, 4096);
	assert_int_equal(sample->kept_ms, 1767225599123);
	assert_int_equal(sample->n_kept, 2);
	assert_int_equal(metric_by_id(sample->kept[0]), METRIC_MEMORY_PEAK);
	assert_int_equal(metric_by_id(sample->kept[1]), METRIC_MEMORY_LIMIT);
	expect_encoding(message, STEPS);
	tacho__v1__message__free_unpacked(message, NULL);
}

/* What a later version may add: a field of each wire type behind those of ours, at the top and
 * inside, and a metric that we don't know. */
static void skips_what_it_does_not_know(void **state)
{
	Tacho__V1__Message *message = decode("1a27"                 /* Message.sample */
					     "0801"                 /* revision 1 */
					     "980601"               /* field 99, a varint */
					     "a206026869"           /* field 100, bytes */
					     "ad0601020304"         /* field 101, 32 bits */
					     "b1060102030405060708" /* field 102, 64 bits */
					     "2a0b"                 /* a column */
					     "08e707"               /*   of metric 999 */
					     "1203010203"           /*   with three values */
					     "7a0178"               /*   and a field 15 */
					     "900307");             /* Message's field 50 */

	(void)state;
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_SAMPLE);
	assert_int_equal(message->sample->revision, 1);
	assert_int_equal(message->sample->n_columns, 1);
	assert_int_equal(message->sample->columns[0]->n_values, 3);
	assert_int_equal(metric_by_id(message->sample->columns[0]->metric), -1);
	tacho__v1__message__free_unpacked(message, NULL);

	/* a kind of message that came later */
	message = decode("2202"
			 "0801");
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND__NOT_SET);
	tacho__v1__message__free_unpacked(message, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_hello),
		cmocka_unit_test(reads_catalog),
		cmocka_unit_test(reads_sample),
		cmocka_unit_test(reads_a_sparse_column),
		cmocka_unit_test(reads_steps_and_what_is_kept),
		cmocka_unit_test(skips_what_it_does_not_know),
	};

	return cmocka_run_group_tests_name("wire_v1", tests, NULL, NULL);
}
