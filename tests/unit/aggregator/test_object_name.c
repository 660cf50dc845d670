/* aggregator/store/object_name: UTF-8 at the edges of its forms, control characters, segments. */
#include "aggregator/store/object_name.h"

#include "aggregator/store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void checks_text(void **state)
{
	static const struct {
		const char *text;
		const char *message; /* NULL = passes */
	} CASES[] = {
		{"", NULL},
		{" ~/%.", NULL},
		{"\x1f", "it has the control character 0x1f in it"},
		{"a\x7f", "it has the control character 0x7f in it"},
		{"\xc2\x80", NULL},
		{"\xdf\xbf", NULL},
		{"\xe0\xa0\x80", NULL},
		{"\xed\x9f\xbf", NULL},
		{"\xee\x80\x80", NULL},
		{"\xef\xbf\xbf", NULL},
		{"\xf0\x90\x80\x80", NULL},
		{"\xf4\x8f\xbf\xbf", NULL},
		{"\x80", "it is not UTF-8"},             /* a continuation alone */
		{"\xc1\xbf", "it is not UTF-8"},         /* overlong */
		{"\xe0\x9f\xbf", "it is not UTF-8"},     /* overlong */
		{"\xed\xa0\x80", "it is not UTF-8"},     /* a surrogate */
		{"\xf0\x8f\xbf\xbf", "it is not UTF-8"}, /* overlong */
		{"\xf4\x90\x80\x80", "it is not UTF-8"}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", "it is not UTF-8"},
		{"\xc2", "it is not UTF-8"}, /* cut off */
		{"\xe1\x80", "it is not UTF-8"},
		{"\xf1\x80\x80", "it is not UTF-8"},
		{"\xe1\x80zz", "it is not UTF-8"},
		{"\xc2\xc2\x80", "it is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err = {""};

		assert_int_equal(object_name_check_text("it", CASES[i].text, &err),
			CASES[i].message ? -EINVAL : 0);
		assert_string_equal(err.message, CASES[i].message ? CASES[i].message : "");
	}
}

static void bounds_the_length(void **state)
{
	char text[STORE_MAX_NAME + 2];
	struct error err;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[STORE_MAX_NAME] = '\0';
	assert_int_equal(object_name_check("it", text, &err), 0);
	text[STORE_MAX_NAME] = 'a';
	text[STORE_MAX_NAME + 1] = '\0';
	assert_int_equal(object_name_check("it", text, &err), -EINVAL);
	assert_string_equal(err.message, "it is longer than 253 bytes");
}

static void checks_path_segments(void **state)
{
	static const struct {
		const char *name;
		const char *message; /* NULL = passes */
	} CASES[] = {
		{"", NULL},
		{"a.b-c", NULL},
		{"a\\x2db@c.service", NULL},
		{"...", NULL},
		{".a", NULL},
		{".", "it is \".\""},
		{"..", "it is \"..\""},
		{"/", "it \"/\" has a '/' in it"},
		{"a/b", "it \"a/b\" has a '/' in it"},
		{"a%", "it \"a%\" has a '%' in it"},
		{"a\nb", "it has the control character 0x0a in it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err = {""};

		assert_int_equal(object_name_check("it", CASES[i].name, &err),
			CASES[i].message ? -EINVAL : 0);
		assert_string_equal(err.message, CASES[i].message ? CASES[i].message : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_text),
		cmocka_unit_test(bounds_the_length),
		cmocka_unit_test(checks_path_segments),
	};

	return cmocka_run_group_tests_name("object_name", tests, NULL, NULL);
}
