/* aggregator/api/label_memo: the labels that were written last, while nothing can have changed. */
#include "aggregator/api/label_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct label ITEM[2] = {{"app", "web"}, {"app", "db"}};
static const struct labels WEB = {&ITEM[0], 1}, DB = {&ITEM[1], 1};

static void has_what_was_written_last_in_this_hold(void **state)
{
	struct label_memo memo = {0};
	struct object web = {.labels = &WEB, .hold_ns = 7}, db = {.labels = &DB, .hold_ns = 7},
		      later = {.labels = &WEB, .hold_ns = 8};
	struct buffer out = {0};

	(void)state;
	assert_false(label_memo_append(&memo, &web, &out));
	buffer_append_string(&out, "xxapp=web");
	label_memo_keep(&memo, &web, &out, 2);
	assert_true(label_memo_append(&memo, &web, &out));
	assert_string_equal(buffer_terminate(&out), "xxapp=webapp=web");
	assert_false(label_memo_append(&memo, &db, &out));
	/* another hold: the set may have been freed, and another be in its place */
	assert_false(label_memo_append(&memo, &later, &out));
	assert_int_equal(out.length, 16);
	label_memo_keep(&memo, &db, &out, 9);
	assert_false(label_memo_append(&memo, &web, &out));
	assert_true(label_memo_append(&memo, &db, &out));
	label_memo_free(&memo);
	assert_false(label_memo_append(&memo, &db, &out));
	buffer_free(&out);
}

static void keeps_nothing_of_an_untold_hold_or_a_failed_buffer(void **state)
{
	struct label_memo memo = {0};
	struct object web = {.labels = &WEB};
	struct buffer out = {0};

	(void)state;
	buffer_append_string(&out, "app=web");
	label_memo_keep(&memo, &web, &out, 0);
	assert_false(label_memo_append(&memo, &web, &out));
	web.hold_ns = 1;
	out.failed = true;
	label_memo_keep(&memo, &web, &out, 0);
	out.failed = false;
	assert_false(label_memo_append(&memo, &web, &out));
	label_memo_free(&memo);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_was_written_last_in_this_hold),
		cmocka_unit_test(keeps_nothing_of_an_untold_hold_or_a_failed_buffer),
	};

	return cmocka_run_group_tests_name("label_memo", tests, NULL, NULL);
}
