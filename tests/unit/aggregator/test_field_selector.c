/* aggregator/api/field_selector: grammar, error texts, matching. */
#include "aggregator/api/field_selector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void matches_as_kubernetes_does(void **state)
{
	static const struct {
		const char *selector, *namespace, *name;
		bool matches;
	} CASES[] = {
		{"", "ns", "p", true},
		{",", "ns", "p", true},
		{"metadata.name=p", "ns", "p", true},
		{"metadata.name==p", "ns", "p", true},
		{"metadata.name=q", "ns", "p", false},
		{"metadata.name!=p", "ns", "p", false},
		{"metadata.name!=q", "ns", "p", true},
		{"metadata.namespace=ns", "ns", "p", true},
		{"metadata.namespace=other", "ns", "p", false},
		{"metadata.namespace=ns,metadata.name=p", "ns", "p", true},
		{"metadata.namespace=ns,metadata.name=q", "ns", "p", false},
		{"metadata.name=p,metadata.name=q", "ns", "p", false},
		/* nodes have no namespace */
		{"metadata.namespace=ns", "", "n", false},
		{"metadata.namespace!=ns", "", "n", true},
		{"metadata.namespace=", "", "n", true},
		{"metadata.name=", "ns", "p", false},
		{"metadata.name=a\\,b\\=c\\\\d", "ns", "a,b=c\\d", true},
		{"metadata.name=a!b", "ns", "a!b", true},
		/* spaces are a part of the value */
		{"metadata.name= p", "ns", "p", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct field_selector *selector = NULL;
		struct error err = {.message = ""};

		if (field_selector_parse(CASES[i].selector, &selector, &err) != 0)
			fail_msg("%s: %s", CASES[i].selector, err.message);
		if (field_selector_matches(selector, CASES[i].namespace, CASES[i].name) !=
			CASES[i].matches)
			fail_msg("%s: should be %d", CASES[i].selector, CASES[i].matches);
		field_selector_free(selector);
	}
	assert_true(field_selector_matches(NULL, "ns", "p"));
}

static void says_what_is_wrong_in_kubernetes_words(void **state)
{
	static const struct {
		const char *selector, *message;
	} CASES[] = {
		{"zzz", "invalid selector: 'zzz'; can't understand 'zzz'"},
		{"a!b", "invalid selector: 'a!b'; can't understand 'a!b'"},
		{"metadata.name=p,zzz",
			"invalid selector: 'metadata.name=p,zzz'; can't understand 'zzz'"},
		{"metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"},
		{"metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"},
		{"metadata.name=a\\\xc3\xa4", "invalid field selector: invalid escape sequence: "
					      "\\\xc3\xa4"},
		{"metadata.name=a=b", "invalid field selector: unescaped character in value: 61"},
		{"metadata.name===b", "invalid field selector: unescaped character in value: 61"},
		{"spec.x=1", "\"spec.x\" is not a known field selector: only \"metadata.name\", "
			     "\"metadata.namespace\""},
		{"=1", "\"\" is not a known field selector: only \"metadata.name\", "
		       "\"metadata.namespace\""},
		{" metadata.name=p", "\" metadata.name\" is not a known field selector: only "
				     "\"metadata.name\", \"metadata.namespace\""},
		{"a\"\n=1", "\"a\\\"\\n\" is not a known field selector: only \"metadata.name\", "
			    "\"metadata.namespace\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct field_selector *selector = NULL;
		struct error err = {.message = ""};

		assert_int_equal(field_selector_parse(CASES[i].selector, &selector, &err), -EINVAL);
		assert_string_equal(err.message, CASES[i].message);
		assert_null(selector);
	}
}

static void has_bounds(void **state)
{
	static const char TERM[] = "metadata.name!=x,";
	struct field_selector *selector;
	struct error err;
	char *text = calloc(1, 20000);

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 256; i++)
		memcpy(text + strlen(text), TERM, sizeof(TERM));
	assert_int_equal(field_selector_parse(text, &selector, &err), 0);
	field_selector_free(selector);
	memcpy(text + strlen(text), TERM, sizeof(TERM));
	assert_int_equal(field_selector_parse(text, &selector, &err), -EINVAL);
	assert_string_equal(err.message, "a field selector may have at most 256 terms");

	memset(text, ',', 16384);
	assert_int_equal(field_selector_parse(text, &selector, &err), 0);
	field_selector_free(selector);
	text[16384] = ',';
	text[16385] = '\0';
	assert_int_equal(field_selector_parse(text, &selector, &err), -EINVAL);
	assert_string_equal(err.message, "a field selector may have at most 16384 bytes");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_as_kubernetes_does),
		cmocka_unit_test(says_what_is_wrong_in_kubernetes_words),
		cmocka_unit_test(has_bounds),
	};

	return cmocka_run_group_tests_name("field_selector", tests, NULL, NULL);
}
