/* aggregator/api/authenticate: which credentials let in. */
#include "aggregator/api/authenticate.h"
#include "tests/harness/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_the_token_lets_in(void **state)
{
	static const struct {
		const char *authorization;
		bool let_in;
	} CASES[] = {
		{NULL, false},
		{"Bearer secret", true},
		{"bearer secret", true},
		{"BEARER secret", true},
		{"Bearer  secret", false},
		{"Bearer secret ", false},
		{"Bearer secre", false},
		{"Bearer secrets", false},
		{"Bearer Secret", false},
		{"Bearer ", false},
		{"Bearer", false},
		{"Bearersecret", false},
		{"secret", false},
		{"Basic secret", false},
		{"", false},
	};
	const struct authenticate_options options = {.token = "secret"}, none = {.token = ""};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *lines[] = {"authorization", CASES[i].authorization, NULL};
		struct evkeyvalq headers;
		struct request request = {.headers = &headers};

		headers_init(&headers, CASES[i].authorization ? lines : NULL);
		if (authenticate_request(&options, &request) != CASES[i].let_in)
			fail_msg("%s", CASES[i].authorization);
		assert_false(authenticate_request(&none, &request));
		evhttp_clear_headers(&headers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_token_lets_in),
	};

	return cmocka_run_group_tests_name("authenticate", tests, NULL, NULL);
}
