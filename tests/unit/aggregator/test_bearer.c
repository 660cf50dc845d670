/* aggregator/access/bearer and static_token: which token a request shows, and whether it is ours.
 */
#include "aggregator/access/bearer.h"

#include "aggregator/access/static_token.h"
#include "tests/harness/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void tokens_are_found(void **state)
{
	static const struct {
		const char *authorization, *token;
	} CASES[] = {
		{NULL, NULL},
		{"", NULL},
		{"Bearer secret", "secret"},
		{"bearer secret", "secret"},
		{"BEARER secret", "secret"},
		{"bEaReR secret", "secret"},
		{"  Bearer secret  ", "secret"},
		{"\tBearer secret\t", "secret"},
		{"Bearer secret and more", "secret"},
		{"Bearer secret\tand", "secret\tand"},
		{"Bearer  secret", NULL},
		{"Bearer ", NULL},
		{"Bearer   ", NULL},
		{"Bearer", NULL},
		{"Bearersecret", NULL},
		{"Bearer\tsecret", NULL},
		{"secret", NULL},
		{"Basic secret", NULL},
		{"Basic Bearer secret", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *lines[] = {"authorization", CASES[i].authorization, NULL};
		const char *token;
		struct evkeyvalq headers;
		size_t length = 0;

		headers_init(&headers, CASES[i].authorization ? lines : NULL);
		token = bearer_token(&headers, &length);
		if (!token != !CASES[i].token ||
			(token && (strlen(CASES[i].token) != length ||
					  memcmp(token, CASES[i].token, length) != 0)))
			fail_msg("\"%s\": %.*s", CASES[i].authorization, (int)length,
				token ? token : "");
		evhttp_clear_headers(&headers);
	}
}

static void the_first_header_counts(void **state)
{
	const char *lines[] = {"Authorization", "Basic x", "Authorization", "Bearer secret", NULL};
	struct evkeyvalq headers;
	size_t length;

	(void)state;
	headers_init(&headers, lines);
	assert_null(bearer_token(&headers, &length));
	evhttp_clear_headers(&headers);
}

static void only_the_token_is_the_token(void **state)
{
	(void)state;
	assert_true(static_token_is("secret", "secret", 6));
	assert_true(static_token_is("secret", "secrets", 6));
	assert_false(static_token_is("secret", "secrets", 7));
	assert_false(static_token_is("secret", "secre", 5));
	assert_false(static_token_is("secret", "Secret", 6));
	assert_false(static_token_is("secret", "", 0));
	assert_false(static_token_is("", "", 0));
	assert_false(static_token_is("", "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_found),
		cmocka_unit_test(the_first_header_counts),
		cmocka_unit_test(only_the_token_is_the_token),
	};

	return cmocka_run_group_tests_name("bearer", tests, NULL, NULL);
}
