/* aggregator/api/label_text: the labels that were written last, while nothing can have changed. */
#include "aggregator/api/label_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct label ITEM[2] = {{"app", "web"}, {"app", "db"}};
static const struct labels WEB = {&ITEM[0], 1}, DB = {&ITEM[1], 1};

static void copies_what_was_written_last(void **state)
{
	struct label_text text = {0};
	struct buffer out = {0}, other = {0};

	(void)state;
	assert_false(label_text_append(&text, &WEB, &out));
	buffer_append_string(&out, "xxapp=web");
	label_text_keep(&text, &WEB, &out, 2);
	assert_true(label_text_append(&text, &WEB, &out));
	assert_string_equal(buffer_terminate(&out), "xxapp=webapp=web");
	assert_false(label_text_append(&text, &DB, &out));
	assert_false(label_text_append(&text, &WEB, &other));
	label_text_forget(&text);
	assert_false(label_text_append(&text, &WEB, &out));
	assert_int_equal(out.length, 16);
	buffer_free(&out);
}

/* A message that is closed moves what is in it, and the buffer moves when it grows. */
static void finds_what_was_moved(void **state)
{
	struct label_text text = {0};
	struct buffer out = {0};

	(void)state;
	buffer_append_string(&out, "-xapp=web");
	label_text_keep(&text, &WEB, &out, 2);
	label_text_moved(&text, &out, 3, 5); /* behind it */
	label_text_moved(&text, &out, 1, 1);
	buffer_clear(&out);
	buffer_append_string(&out, "-lxapp=web");
	for (int i = 0; i < 1000; i++)
		assert_true(label_text_append(&text, &WEB, &out));
	assert_int_equal(out.length, 10 + 1000 * 7);
	assert_memory_equal(out.data + out.length - 14, "app=webapp=web", 14);
	buffer_free(&out);
}

static void appends_nothing_to_a_full_buffer(void **state)
{
	struct label_text text = {0};
	struct buffer out = {.limit = 10};

	(void)state;
	buffer_append_string(&out, "app=web");
	label_text_keep(&text, &WEB, &out, 0);
	assert_true(label_text_append(&text, &WEB, &out));
	assert_true(out.failed);
	assert_int_equal(out.length, 7);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_what_was_written_last),
		cmocka_unit_test(finds_what_was_moved),
		cmocka_unit_test(appends_nothing_to_a_full_buffer),
	};

	return cmocka_run_group_tests_name("label_text", tests, NULL, NULL);
}
