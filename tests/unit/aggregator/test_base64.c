/* aggregator/kube/base64: RFC 4648's own vectors, line ends, and what is none. */
#include "aggregator/kube/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void decodes(void **state)
{
	static const struct {
		const char *base64, *text;
	} CASES[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"Zm9v\r\nYmFy\n", "foobar"},
		{"+/+/", "\xfb\xff\xbf"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char *text = NULL;

		assert_int_equal(base64_decode_text(CASES[i].base64, &text), 0);
		assert_string_equal(text, CASES[i].text);
		free(text);
	}
}

static void refuses(void **state)
{
	static const char *const CASES[] = {"Z", "Zg", "Zg=", "Zm9", "Zg===", "====", "=",
		"Z===", "Zg==Zg==", "Zm9v Ym", "Zm9-", "Zm9_", "Zm\x80v",
		"-----BEGIN CERTIFICATE-----", "AAAA" /* NULs */, "Zg=g"};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char *text = NULL;

		if (base64_decode_text(CASES[i], &text) != -EINVAL)
			fail_msg("taken: %s", CASES[i]);
		assert_null(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
