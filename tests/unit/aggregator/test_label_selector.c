/* aggregator/api/label_selector with its lexer and rules: grammar, error texts, matching. */
#include "aggregator/api/label_selector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UNABLE "unable to parse requirement: "
#define NAME_RULE                                                                                  \
	"name part must be 1 to 63 letters, digits, '-', '_' or '.', and must start and end with " \
	"a letter or digit"
#define VALUE_RULE                                                                              \
	"a label value must be empty or at most 63 letters, digits, '-', '_' or '.', and must " \
	"start and end with a letter or digit"
#define SIXTY_THREE "a23456789012345678901234567890123456789012345678901234567890123"

static void matches_as_kubernetes_does(void **state)
{
	static const struct label ITEMS[] = {
		{"a", "x"},
		{"app.kubernetes.io/name", "web"},
		{"empty", ""},
		{"in", "notin"},
		{"n", "7"},
		{"neg", "-5"},
		{"word", "seven"},
	};
	static const struct labels LABELS = {ITEMS, sizeof(ITEMS) / sizeof(ITEMS[0])};
	static const struct {
		const char *selector;
		bool matches;
	} CASES[] = {
		{"", true},
		{" ", true},
		{"a", true},
		{"b", false},
		{"!a", false},
		{"!b", true},
		{"! b", true},
		{"a=x", true},
		{"a==x", true},
		{" a = x ", true},
		{"a=y", false},
		{"b=x", false},
		{"a!=x", false},
		{"a!=y", true},
		{"b!=x", true},
		{"a=", false},
		{"empty=", true},
		{"empty", true},
		{"a=,n=7", false},
		{"empty=,n=7", true},
		{"a in (x)", true},
		{"a in (x,y)", true},
		{"a in (y, z)", false},
		{"a in(x)", true},
		{"b in (x)", false},
		{"a notin (x)", false},
		{"a notin (y)", true},
		{"b notin (x)", true},
		{"a in ()", false},
		{"empty in ()", true},
		{"empty in (,x)", true},
		{"empty in (x,)", true},
		{"empty in (x,,y)", true},
		{"empty in (,)", true},
		{"a in (,x)", true},
		{"b notin ()", true},
		{"a in (x,x,x)", true},
		{"n>6", true},
		{"n>7", false},
		{"n<8", true},
		{"n < 7", false},
		{"neg<0", true},
		{"neg<6,n>6", true},
		{"word>1", false},
		{"b>1", false},
		{"n<9223372036854775807", true},
		{"in", true},
		{"in=notin", true},
		{"in in (notin, in)", true},
		{"notin", false},
		{"app.kubernetes.io/name=web", true},
		{"a=x,n=7", true},
		{"a=x,n=8", false},
		{"a,!b,n>1,a in (x),b!=1", true},
		{"a\t=\r\nx", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct label_selector *selector = NULL;
		struct error err = {.message = ""};
		if (label_selector_parse(CASES[i].selector, &selector, &err) != 0)
			fail_msg("%s: %s", CASES[i].selector, err.message);
		if (label_selector_matches(selector, &LABELS) != CASES[i].matches)
			fail_msg("%s: should be %d", CASES[i].selector, CASES[i].matches);
		label_selector_free(selector);
	}
	assert_true(label_selector_matches(NULL, &LABELS));
}

static void says_what_is_wrong_in_kubernetes_words(void **state)
{
	static const struct {
		const char *selector, *message;
	} CASES[] = {
		{"a in (x", UNABLE "found '', expected: ',' or ')'"},
		{"a in (x y)", UNABLE "found 'y', expected: ',' or ')'"},
		{"a in (", UNABLE "found '', expected: ',', ')' or identifier"},
		{"a in (x,", UNABLE "found '', expected: ',', or identifier"},
		{"a in (x,=)", UNABLE "found '=', expected: ',', or identifier"},
		{"a in x", UNABLE "found 'x' expected: '('"},
		{"a notin", UNABLE "found '' expected: '('"},
		{",", "found ',', expected: !, identifier, or 'end of string'"},
		{"=x", "found '=', expected: !, identifier, or 'end of string'"},
		{"a,", "found '', expected: identifier after ','"},
		{"a,,b", "found ',', expected: identifier after ','"},
		{"a=x y", "found 'y', expected: ',' or 'end of string'"},
		{"a=x)", "found ')', expected: ',' or 'end of string'"},
		{"!a=x", "found '=', expected: ',' or 'end of string'"},
		{"!", UNABLE "found '', expected: identifier"},
		{"!=x", "found '!=', expected: !, identifier, or 'end of string'"},
		{"a b", UNABLE "found 'b', expected: in, notin, =, ==, !=, gt, lt"},
		{"a !", UNABLE "found '!', expected: in, notin, =, ==, !=, gt, lt"},
		{"a=(", UNABLE "found '(', expected: identifier"},
		{"a===x", UNABLE "found '=', expected: identifier"},
		{"a>x", UNABLE "values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the "
			       "value must be an integer"},
		{"a>", UNABLE "values[0]: Invalid value: \"\": for 'Gt', 'Lt' operators, the value "
			      "must be an integer"},
		{"a<9223372036854775808",
			UNABLE "values[0]: Invalid value: \"9223372036854775808\": for 'Gt', 'Lt' "
			       "operators, the value must be an integer"},
		/* a number with a sign is no label value */
		{"a>+6", UNABLE "values[0][a]: Invalid value: \"+6\": " VALUE_RULE},
		{"a>-6", UNABLE "values[0][a]: Invalid value: \"-6\": " VALUE_RULE},
		{"a=-x", UNABLE "values[0][a]: Invalid value: \"-x\": " VALUE_RULE},
		{"a in (b,\xff)", UNABLE "values[1][a]: Invalid value: \"\\xff\": " VALUE_RULE},
		{"a/=x", UNABLE "<nil>: Invalid value: \"a/\": " NAME_RULE},
		{"-a", UNABLE "<nil>: Invalid value: \"-a\": " NAME_RULE},
		{"x/y/z", UNABLE "<nil>: Invalid value: \"x/y/z\": " NAME_RULE},
		{SIXTY_THREE "4", UNABLE "<nil>: Invalid value: \"" SIXTY_THREE "4\": " NAME_RULE},
		{"/a", UNABLE "<nil>: Invalid value: \"/a\": prefix part must be a lowercase DNS "
			      "subdomain of at most 253 characters"},
		{"A.b/a", UNABLE "<nil>: Invalid value: \"A.b/a\": prefix part must be a lowercase "
				 "DNS subdomain of at most 253 characters"},
		{"a-.b/a", UNABLE "<nil>: Invalid value: \"a-.b/a\": prefix part must be a "
				  "lowercase DNS subdomain of at most 253 characters"},
		{"a..b/a", UNABLE "<nil>: Invalid value: \"a..b/a\": prefix part must be a "
				  "lowercase DNS subdomain of at most 253 characters"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct label_selector *selector = NULL;
		struct error err = {.message = ""};

		assert_int_equal(label_selector_parse(CASES[i].selector, &selector, &err), -EINVAL);
		assert_string_equal(err.message, CASES[i].message);
		assert_null(selector);
	}
}

static void names_may_be_as_long_as_kubernetes_allows(void **state)
{
	struct label_selector *selector;
	struct error err;
	char text[400];

	(void)state;
	assert_int_equal(label_selector_parse(SIXTY_THREE "=" SIXTY_THREE, &selector, &err), 0);
	label_selector_free(selector);
	memset(text, 'p', 254);
	(void)snprintf(text + 253, sizeof(text) - 253, "/n");
	assert_int_equal(label_selector_parse(text, &selector, &err), 0);
	label_selector_free(selector);
	(void)snprintf(text + 253, sizeof(text) - 253, "p/n");
	assert_int_equal(label_selector_parse(text, &selector, &err), -EINVAL);
}

static void has_bounds_of_its_own(void **state)
{
	static char text[LABEL_SELECTOR_MAX_BYTES + 2];
	struct label_selector *selector;
	struct error err;
	size_t at = 0;

	(void)state;
	/* as many values as fit: in no more than n log n time */
	at = (size_t)snprintf(text, sizeof(text), "a in (");
	while (at + 1 < LABEL_SELECTOR_MAX_BYTES) {
		text[at] = "xyz"[at % 3];
		text[at + 1] = ',';
		at += 2;
	}
	text[LABEL_SELECTOR_MAX_BYTES - 1] = ')';
	text[LABEL_SELECTOR_MAX_BYTES] = '\0';
	assert_int_equal(label_selector_parse(text, &selector, &err), 0);
	label_selector_free(selector);
	text[LABEL_SELECTOR_MAX_BYTES] = ' ';
	text[LABEL_SELECTOR_MAX_BYTES + 1] = '\0';
	assert_int_equal(label_selector_parse(text, &selector, &err), -EINVAL);
	assert_string_equal(err.message, "a label selector may have at most 16384 bytes");

	memset(text, 0, sizeof(text));
	for (int i = 0; i < LABEL_SELECTOR_MAX_REQUIREMENTS; i++)
		(void)snprintf(text + strlen(text), 3, i > 0 ? ",a" : "a");
	assert_int_equal(label_selector_parse(text, &selector, &err), 0);
	label_selector_free(selector);
	(void)snprintf(text + strlen(text), 3, ",a");
	assert_int_equal(label_selector_parse(text, &selector, &err), -EINVAL);
	assert_string_equal(err.message, "a label selector may have at most 256 requirements");
}

static void tells_what_is_required(void **state)
{
	static const struct {
		const char *selector, *required;
	} CASES[] = {
		{"", ""},
		{"a", ""},
		{"a=x", "a=x "},
		{"a==x", "a=x "},
		{"a=", "a= "},
		{"a in (x)", "a=x "},
		{"a in (x,x)", "a=x "}, /* a set */
		{"a in ()", "a= "},
		{"a in (x,y)", ""},
		{"a!=x", ""},
		{"!a", ""},
		{"a notin (x)", ""},
		{"a>1", ""},
		{"a<1", ""},
		{"c=3,a=1,d,b=2", "a=1 b=2 c=3 "},
		{"a=x,a=x,b=y", "a=x b=y "},
		{"a in (x,y),a=y", "a=y "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct label_selector *selector;
		const struct labels *required;
		char text[64] = "";

		assert_int_equal(label_selector_parse(CASES[i].selector, &selector, NULL), 0);
		required = label_selector_required(selector);
		for (size_t l = 0; l < required->count; l++)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%s ",
				required->item[l].key, required->item[l].value);
		assert_string_equal(text, CASES[i].required);
		label_selector_free(selector);
	}
}

/* Nothing has both values; one of them is as good as the other to look for. */
static void what_contradicts_itself_is_required_once(void **state)
{
	struct label_selector *selector;

	(void)state;
	assert_int_equal(label_selector_parse("a=x,a=y", &selector, NULL), 0);
	assert_int_equal(label_selector_required(selector)->count, 1);
	label_selector_free(selector);
}

/* A selector's parts lie in one piece of memory, whose size is told from the text: whatever that is
 * made of, they have room (the sanitizer looks, and an assertion). */
static void any_text_has_room(void **state)
{
	static const char *const PIECES[] = {
		"a", "b-c", "in", "notin", "=", "==", "!=", "!", "(", ")", ",", ">", "<", " ", "7"};
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct label_selector *selector = NULL;
		char text[64] = "";
		struct error err;
		unsigned pieces = 1 + (unsigned)round % 12;

		for (unsigned i = 0; i < pieces; i++) {
			random = random * 1664525 + 1013904223;
			(void)strcat(text, PIECES[(random >> 16) % 15]);
		}
		if (label_selector_parse(text, &selector, &err) < 0)
			continue;
		(void)label_selector_matches(selector, label_selector_required(selector));
		label_selector_free(selector);
	}
}

static void what_is_as_long_as_may_be_has_room(void **state)
{
	static const struct {
		const char *start, *each, *end;
	} CASES[] = {
		{"a in (", ",", ")"},
		{"a in (", "b,", ")"},
		{"a in (", "b,c,", "d)"},
		{"", "a,", "a"},
		{"", "a=,", "a="},
	};
	static char text[LABEL_SELECTOR_MAX_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t bound = i < 3 ? LABEL_SELECTOR_MAX_BYTES
				     : LABEL_SELECTOR_MAX_REQUIREMENTS * strlen(CASES[i].each) - 1;
		size_t length = strlen(strcpy(text, CASES[i].start));
		struct label_selector *selector = NULL;
		struct error err;

		while (length + strlen(CASES[i].each) + strlen(CASES[i].end) <= bound)
			length += strlen(strcpy(text + length, CASES[i].each));
		(void)strcpy(text + length, CASES[i].end);
		assert_int_equal(label_selector_parse(text, &selector, &err), 0);
		label_selector_free(selector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_as_kubernetes_does),
		cmocka_unit_test(says_what_is_wrong_in_kubernetes_words),
		cmocka_unit_test(names_may_be_as_long_as_kubernetes_allows),
		cmocka_unit_test(has_bounds_of_its_own),
		cmocka_unit_test(tells_what_is_required),
		cmocka_unit_test(what_contradicts_itself_is_required_once),
		cmocka_unit_test(any_text_has_room),
		cmocka_unit_test(what_is_as_long_as_may_be_has_room),
	};

	return cmocka_run_group_tests_name("label_selector", tests, NULL, NULL);
}
