/* top/answer, table, column, sparkline, print: from JSON to sorted rows and their letters. */
#include "top/answer.h"
#include "top/print.h"
#include "top/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PODS                                                                                  \
	"{\"items\":["                                                                        \
	"{\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\"},\"containers\":["              \
	"{\"usage\":{\"cpu\":\"100m\",\"memory\":\"1Mi\"}},{\"usage\":{\"cpu\":\"150000u\","  \
	"\"memory\":\"1Ki\"}}]},"                                                             \
	"{\"metadata\":{\"name\":\"b\",\"namespace\":\"shop\"},\"containers\":["              \
	"{\"usage\":{\"cpu\":\"50m\",\"memory\":\"64Mi\"}}]},"                                \
	"{\"metadata\":{\"name\":\"c\\u001b[2J\",\"namespace\":\"bank\"},\"containers\":[]}," \
	"{\"metadata\":{}},7]}"

static void take(struct table *table, enum kind kind, const char *json)
{
	struct error err;

	if (answer_list(json, strlen(json), kind, table, &err) < 0)
		fail_msg("%s", err.message);
}

static void expect_order(struct table *table, const struct table_order *order, const char *expected)
{
	char got[512] = "";

	assert_int_equal(table_sort(table, order), 0);
	for (size_t i = 0; i < table->count; i++) {
		(void)strcat(got, table->order[i]->key);
		(void)strcat(got, " ");
	}
	assert_string_equal(got, expected);
}

static void containers_add_up_and_names_are_harmless(void **state)
{
	struct table table = {0};
	const struct row *row;

	(void)state;
	take(&table, KIND_PODS, PODS);
	row = table_find(&table, "shop", "a");
	assert_non_null(row);
	assert_true(row->value[COLUMN_CPU] == 250000000);
	assert_true(row->value[COLUMN_MEMORY] == (nano)(1048576 + 1024) * NANO_PER_ONE);
	assert_int_equal(row->cpu.count, 1);
	assert_non_null(row = table_find(&table, "bank", "c\x1b[2J"));
	assert_string_equal(row->key, "bank/c?[2J");
	assert_int_equal(row->has, 0);
	assert_int_equal(HASH_COUNT(table.rows), 3);
	table_free(&table);
}

static void rows_are_sorted_and_filtered(void **state)
{
	struct table table = {0};

	(void)state;
	take(&table, KIND_PODS, PODS);
	expect_order(
		&table, &(struct table_order){COLUMN_CPU, false, ""}, "shop/a shop/b bank/c?[2J ");
	expect_order(
		&table, &(struct table_order){COLUMN_CPU, true, ""}, "shop/b shop/a bank/c?[2J ");
	expect_order(&table, &(struct table_order){COLUMN_MEMORY, false, ""},
		"shop/b shop/a bank/c?[2J ");
	expect_order(&table, &(struct table_order){-1, true, ""}, "bank/c?[2J shop/a shop/b ");
	expect_order(&table, &(struct table_order){-1, false, ""}, "shop/b shop/a bank/c?[2J ");
	expect_order(&table, &(struct table_order){-1, true, "shop/"}, "shop/a shop/b ");
	expect_order(&table, &(struct table_order){-1, true, "nobody"}, "");
	table_free(&table);
}

static void what_a_list_lacks_is_gone_and_a_bad_one_changes_nothing(void **state)
{
	static const char *const BAD[] = {"", "<html>", "[]", "{}", "{\"items\":null}"};
	struct table table = {0};
	struct error err;

	(void)state;
	take(&table, KIND_PODS, PODS);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(
			answer_list(BAD[i], strlen(BAD[i]), KIND_PODS, &table, &err), -EINVAL);
		assert_int_equal(HASH_COUNT(table.rows), 3);
	}
	take(&table, KIND_PODS,
		"{\"items\":[{\"metadata\":{\"name\":\"b\",\"namespace\":\"shop\"}}]}");
	assert_int_equal(HASH_COUNT(table.rows), 1);
	assert_int_equal(table_find(&table, "shop", "b")->cpu.count, 1); /* its minute is kept */
	table_free(&table);
}

static void a_column_comes_by_namespace(void **state)
{
	static const char VALUES[] =
		"{\"items\":[{\"describedObject\":{\"namespace\":\"shop\",\"name\":\"a\"},"
		"\"value\":\"300m\"},{\"describedObject\":{\"namespace\":\"shop\",\"name\":\"zz\"},"
		"\"value\":\"1\"},{\"describedObject\":{\"namespace\":\"shop\",\"name\":\"b\"},"
		"\"value\":\"junk\"}]}";
	struct table table = {0};
	struct row *bank, *a, *b;
	struct error err;

	(void)state;
	take(&table, KIND_PODS, PODS);
	bank = table_find(&table, "bank", "c\x1b[2J");
	a = table_find(&table, "shop", "a");
	b = table_find(&table, "shop", "b");
	table_set(bank, COLUMN_THROTTLED, 5);
	table_set(b, COLUMN_THROTTLED, 5);
	assert_int_equal(
		answer_values(VALUES, strlen(VALUES), COLUMN_THROTTLED, "shop", &table, &err), 0);
	assert_true(a->value[COLUMN_THROTTLED] == 300000000);
	assert_false(b->has & COLUMN_BIT(COLUMN_THROTTLED));
	assert_true(bank->has & COLUMN_BIT(COLUMN_THROTTLED));
	assert_int_equal(column_alarm(COLUMN_THROTTLED, a->value[COLUMN_THROTTLED]), ALARM_BAD);
	assert_int_equal(column_alarm(COLUMN_THROTTLED, 60000000), ALARM_WARN);
	assert_int_equal(column_alarm(COLUMN_THROTTLED, 10000000), ALARM_NONE);
	assert_int_equal(column_alarm(COLUMN_CPU, 900 * NANO_PER_ONE), ALARM_NONE);
	table_free(&table);
}

static void discovery_says_which_columns_there_are(void **state)
{
	static const char GROUP[] =
		"{\"versions\":[{\"version\":\"v1beta1\"},{\"version\":\"v1\"}]}";
	static const char OLD[] = "{\"versions\":[{\"version\":\"v1beta1\"}]}";
	static const char RESOURCES[] =
		"{\"resources\":[{\"name\":\"pods/cpu_throttled_ratio\"},{\"name\":\"pods/other\"},"
		"{\"name\":\"nodes/node_pressure_cpu_waiting\"},{\"name\":\"pods/"
		"node_pressure_cpu_waiting\"},"
		"{\"name\":\"namespaces/threads\"},{},3]}";
	column_set offer[KIND_COUNT] = {~0U, ~0U};
	struct error err;

	(void)state;
	assert_string_equal(answer_version(GROUP, strlen(GROUP)), "v1");
	assert_string_equal(answer_version(OLD, strlen(OLD)), "v1beta1");
	assert_null(answer_version("{\"versions\":[]}", 15));
	assert_int_equal(answer_offer(RESOURCES, strlen(RESOURCES), offer, &err), 0);
	assert_int_equal(offer[KIND_PODS], COLUMN_BIT(COLUMN_THROTTLED));
	assert_int_equal(offer[KIND_NODES], COLUMN_BIT(COLUMN_PRESSURE_CPU));
	assert_int_equal(answer_offer("{}", 2, offer, &err), -EINVAL);
}

static void rows_are_bounded(void **state)
{
	struct table table = {0};
	char name[32];

	(void)state;
	for (unsigned i = 0; i < TABLE_MAX_ROWS + 3; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		assert_true(!table_put(&table, "", name) == (i >= TABLE_MAX_ROWS));
	}
	assert_int_equal(table.dropped, 3);
	table_free(&table);
}

static void figures_are_short(void **state)
{
	static const struct {
		enum column column;
		nano value;
		const char *text;
	} CASES[] = {
		{COLUMN_CPU, 250000000, "250m"},
		{COLUMN_CPU, 12 * NANO_PER_ONE, "12000m"},
		{COLUMN_MEMORY, 0, "0"},
		{COLUMN_MEMORY, (nano)64 * 1048576 * NANO_PER_ONE, "64Mi"},
		{COLUMN_MEMORY, (nano)9999 * NANO_PER_ONE, "9999"},
		{COLUMN_RECEIVE, (nano)20480 * NANO_PER_ONE, "20Ki/s"},
		{COLUMN_THROTTLED, 1000000000, "100%"},
		{COLUMN_THROTTLED, 12000000, "1.2%"},
		{COLUMN_THROTTLED, 0, "0%"},
		{COLUMN_OOM, 3 * NANO_PER_ONE, "3"},
		{COLUMN_RETRANSMITS, 250000000, "0.25"},
		{COLUMN_RUN_QUEUE, 1200000, "1.20ms"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		column_text(CASES[i].column, CASES[i].value, text, sizeof(text));
		assert_string_equal(text, CASES[i].text);
	}
	for (unsigned c = 0; c < COLUMN_COUNT; c++) {
		assert_true(strlen(column_info((enum column)c)->title) <= COLUMN_WIDTH);
		assert_int_equal(column_by_name(column_info((enum column)c)->name), c);
		for (nano value = 1; value < NANO_PER_ONE * NANO_PER_ONE * 1000;
			value = value * 7) {
			column_text((enum column)c, value, text, sizeof(text));
			if (column_info((enum column)c)->form <= FORM_SHARE &&
				value < NANO_PER_ONE * 10000)
				assert_true(strlen(text) <= COLUMN_WIDTH);
		}
	}
	assert_int_equal(column_by_name("nonsense"), COLUMN_COUNT);
}

static void the_last_minute_has_its_shape(void **state)
{
	struct sparkline line = {0};
	char text[SPARKLINE_BYTES];

	(void)state;
	sparkline_text(&line, 4, false, text);
	assert_string_equal(text, "    ");
	sparkline_add(&line, 0);
	sparkline_add(&line, 7);
	sparkline_text(&line, 60, false, text);
	assert_string_equal(text + 57, " _#");
	sparkline_text(&line, 60, true, text);
	assert_string_equal(text + 58, "▁█");
	for (int i = 0; i < 60; i++)
		sparkline_add(&line, i == 0 ? 100 : 50);
	sparkline_text(&line, 6, false, text); /* ten seconds a letter: the peak is seen */
	assert_string_equal(text, "#=====");
	sparkline_add(&line, 50); /* it has left the minute */
	sparkline_text(&line, 6, false, text);
	assert_string_equal(text, "######");
	sparkline_text(&line, 1000, true, text);
	assert_int_equal(strlen(text), SPARKLINE_BYTES - 1);
}

static void json_is_exact(void **state)
{
	struct table table = {0};
	json_t *array;

	(void)state;
	take(&table, KIND_PODS, PODS);
	assert_int_equal(table_sort(&table, &(struct table_order){COLUMN_CPU, false, ""}), 0);
	array = print_json(&table, KIND_PODS, COLUMN_BASIC);
	assert_int_equal(json_array_size(array), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(array, 0), "namespace")), "shop");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 0), "memory")),
		1048576 + 1024);
	assert_true(json_real_value(json_object_get(json_array_get(array, 0), "cpu")) == 0.25);
	assert_null(json_object_get(json_array_get(array, 2), "cpu"));
	json_decref(array);
	table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_add_up_and_names_are_harmless),
		cmocka_unit_test(rows_are_sorted_and_filtered),
		cmocka_unit_test(what_a_list_lacks_is_gone_and_a_bad_one_changes_nothing),
		cmocka_unit_test(a_column_comes_by_namespace),
		cmocka_unit_test(discovery_says_which_columns_there_are),
		cmocka_unit_test(rows_are_bounded),
		cmocka_unit_test(figures_are_short),
		cmocka_unit_test(the_last_minute_has_its_shape),
		cmocka_unit_test(json_is_exact),
	};

	return cmocka_run_group_tests_name("top/table", tests, NULL, NULL);
}
