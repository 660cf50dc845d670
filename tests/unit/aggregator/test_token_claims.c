/* ingest/token_claims: when a token ends; what is no token. */
#include "aggregator/ingest/token_claims.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void reads_the_end(void **state)
{
	static const struct {
		const char *token;
		int r;
		uint64_t ends_s;
	} CASES[] = {
		/* {"exp":1767225600} */
		{"e30.eyJleHAiOjE3NjcyMjU2MDB9.c2ln", 0, 1767225600},
		/* {"iss":"https://kubernetes.default.svc","exp":1767225600.75,"sub":"a?b>c~d"},
		   whose encoding has - and _ in it */
		{"e30.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiLCJleHAiOjE3NjcyMjU2MDAu"
		 "NzUsInN1YiI6ImE_Yj5jfmQifQ.c2ln",
			0, 1767225600},
		{"e30.eyJleHAiOjB9.", 0, 0}, /* {"exp":0} */
		{"e30.e30.c2ln", -ENODATA, 0},
		{"e30.eyJleHAiOiJzb29uIn0.c2ln", -EINVAL, 0},       /* {"exp":"soon"} */
		{"e30.eyJleHAiOi0xfQ.c2ln", -EINVAL, 0},            /* {"exp":-1} */
		{"e30.eyJleHAiOjFlMzB9.c2ln", -EINVAL, 0},          /* {"exp":1e30} */
		{"e30.eyJleHAiOm51bGx9.c2ln", -EINVAL, 0},          /* {"exp":null} */
		{"e30.eyJleHAiOjEsImV4cCI6OX0.c2ln", -EINVAL, 0},   /* {"exp":1,"exp":9} */
		{"e30.W10.c2ln", -EINVAL, 0},                       /* [] */
		{"e30.eyJleHAiOjE3NjcyMjU2MDB9.", 0, 1767225600},   /* the signature is not ours */
		{"e30.eyJleHAiOjE3NjcyMjU2MDB9", -EINVAL, 0},       /* no third part */
		{"e30.eyJleHAiOjE3NjcyMjU2MDB9=.c2ln", -EINVAL, 0}, /* padding */
		{"e30.eyJleHAiOjE3NjcyMj+2MDB9.c2ln", -EINVAL, 0},  /* base64, not base64url */
		{"e30.eyJle.c2ln", -EINVAL, 0},                     /* six bits too many */
		{"e30..c2ln", -EINVAL, 0},
		{"..", -EINVAL, 0},
		{"a secret", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t ends_s = 42;
		int r = token_claims_expiry(CASES[i].token, &ends_s);

		if (r != CASES[i].r)
			fail_msg("%s: %d", CASES[i].token, r);
		assert_int_equal(ends_s, r == 0 ? CASES[i].ends_s : 42);
	}
}

/* {"exp":7} behind as many blanks as are needed. */
static char *token_of(size_t length)
{
	static const char END[] = "eyJleHAiOjd9.c2ln";
	char *token = malloc(length + 1);
	size_t blanks = length - strlen("e30.") - strlen(END);

	assert_non_null(token);
	assert_int_equal(blanks % 4, 0);
	memcpy(token, "e30.", 4);
	for (size_t i = 0; i < blanks; i++)
		token[4 + i] = "ICAg"[i % 4];
	(void)strcpy(token + 4 + blanks, END);
	return token;
}

static void is_bounded(void **state)
{
	size_t fits = TOKEN_MAX - (TOKEN_MAX - strlen("e30.eyJleHAiOjd9.c2ln")) % 4;
	uint64_t ends_s = 0;
	char *token;

	(void)state;
	token = token_of(fits);
	assert_int_equal(token_claims_expiry(token, &ends_s), 0);
	assert_int_equal(ends_s, 7);
	free(token);
	token = token_of(fits + 4);
	assert_int_equal(token_claims_expiry(token, &ends_s), -EINVAL);
	free(token);
}

/* [[[[… is refused, and no stack overflows. */
static void survives_deep_nesting(void **state)
{
	static char token[TOKEN_MAX];
	uint64_t ends_s;

	(void)state;
	memcpy(token, "e30.", 4);
	for (size_t i = 4; i < sizeof(token) - 8; i++)
		token[i] = "W1tb"[i % 4];
	(void)strcpy(token + sizeof(token) - 8, ".c2ln");
	assert_int_equal(token_claims_expiry(token, &ends_s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_end),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(survives_deep_nesting),
	};

	return cmocka_run_group_tests_name("token_claims", tests, NULL, NULL);
}
