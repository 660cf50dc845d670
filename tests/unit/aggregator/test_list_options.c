/* aggregator/api/list_options: which lists are answered, and what is said of the others. */
#include "aggregator/api/list_options.h"
#include "tests/harness/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define INVALID "ListOptions.meta.k8s.io \"\" is invalid: "
#define NEEDS_VERSION                                                                \
	"resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless " \
	"resourceVersion is provided"

static struct evkeyvalq no_headers = TAILQ_HEAD_INITIALIZER(no_headers);

static void checks_in_kubernetes_order(void **state)
{
	static const struct {
		const char *query;
		int code; /* 200: answered */
		const char *message;
	} CASES[] = {
		{"", 200, ""},
		{"?limit=500&continue=x&resourceVersion=garbage&timeoutSeconds=-1&unknown=1", 200,
			""},
		{"?limit=+7&timeoutSeconds=9223372036854775807", 400,
			"strconv.ParseInt: parsing \" 7\": invalid syntax"},
		{"?limit=%2B7", 200, ""},
		{"?limit=-9223372036854775808", 200, ""},
		{"?limit=-9223372036854775809", 400,
			"strconv.ParseInt: parsing \"-9223372036854775809\": value out of range"},
		{"?limit=9223372036854775808", 400,
			"strconv.ParseInt: parsing \"9223372036854775808\": value out of range"},
		{"?limit=99999999999999999999999999", 400,
			"strconv.ParseInt: parsing \"99999999999999999999999999\": value out of "
			"range"},
		{"?limit=abc", 400, "strconv.ParseInt: parsing \"abc\": invalid syntax"},
		{"?limit=", 400, "strconv.ParseInt: parsing \"\": invalid syntax"},
		{"?limit=1&limit=abc", 200, ""},
		{"?timeoutSeconds=1.5", 400, "strconv.ParseInt: parsing \"1.5\": invalid syntax"},
		{"?labelSelector=a+in+(", 400,
			"unable to parse requirement: found '', expected: ',', ')' or identifier"},
		{"?fieldSelector=zzz", 400, "invalid selector: 'zzz'; can't understand 'zzz'"},
		{"?labelSelector=,&fieldSelector=zzz", 400,
			"found ',', expected: !, identifier, or 'end of string'"},
		{"?watch=true", 405,
			"watch is not supported on resources of kind \"nodes.metrics.k8s.io\""},
		{"?watch=&resourceVersionMatch=Exact", 405,
			"watch is not supported on resources of kind \"nodes.metrics.k8s.io\""},
		{"?watch=true&limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"},
		{"?watch=false", 200, ""},
		{"?watch=0", 200, ""},
		{"?resourceVersionMatch=Exact&resourceVersion=5", 200, ""},
		{"?resourceVersionMatch=NotOlderThan&resourceVersion=0", 200, ""},
		{"?resourceVersionMatch=", 200, ""},
		{"?resourceVersionMatch=Exact", 422, INVALID NEEDS_VERSION},
		{"?resourceVersionMatch=Exact&resourceVersion=0", 422,
			INVALID "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" "
				"is forbidden for resourceVersion \"0\""},
		{"?resourceVersionMatch=x&resourceVersion=1", 422,
			INVALID "resourceVersionMatch: Unsupported value: \"x\": supported values: "
				"\"Exact\", \"NotOlderThan\", \"\""},
		{"?resourceVersionMatch=Exact&resourceVersion=1&continue=c", 422,
			INVALID "resourceVersionMatch: Forbidden: resourceVersionMatch is "
				"forbidden when continue is provided"},
		{"?sendInitialEvents=true", 422,
			INVALID "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for "
				"list"},
		{"?sendInitialEvents=&resourceVersionMatch=Exact", 422,
			INVALID "[" NEEDS_VERSION ", sendInitialEvents: Forbidden: "
				"sendInitialEvents is forbidden for list]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char target[256] = "/p";
		struct list_options options = {0};
		struct request request;
		struct status status;
		struct error err;
		bool answered;

		strcat(target, CASES[i].query);
		assert_int_equal(
			request_parse(&request, REQUEST_GET, target, &no_headers, &err), 0);
		answered =
			list_options_parse(&request, "metrics.k8s.io", "nodes", &options, &status);
		if (answered != (CASES[i].code == 200))
			fail_msg("%s: answered: %d", CASES[i].query, answered);
		if (!answered) {
			assert_int_equal(status.code, CASES[i].code);
			assert_string_equal(buffer_terminate(&status.message), CASES[i].message);
			status_free(&status);
		}
		label_selector_free(options.labels);
		field_selector_free(options.fields);
		request_free(&request);
	}
}

static void hands_selectors_on(void **state)
{
	static const struct label ITEM = {"a", "x"};
	const struct labels labels = {&ITEM, 1};
	struct list_options options;
	struct request request;
	struct status status;
	struct error err;

	(void)state;
	assert_int_equal(request_parse(&request, REQUEST_GET,
				 "/p?labelSelector=a%3Dx&fieldSelector=metadata.name%3Dn",
				 &no_headers, &err),
		0);
	assert_true(list_options_parse(&request, "", "nodes", &options, &status));
	assert_true(label_selector_matches(options.labels, &labels));
	assert_true(field_selector_matches(options.fields, "", "n"));
	assert_false(field_selector_matches(options.fields, "", "m"));
	label_selector_free(options.labels);
	field_selector_free(options.fields);
	request_free(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_in_kubernetes_order),
		cmocka_unit_test(hands_selectors_on),
	};

	return cmocka_run_group_tests_name("list_options", tests, NULL, NULL);
}
