/* aggregator/ingest/hello: the secret, and a name that is none. */
#include "aggregator/ingest/hello.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int check(const char *credential, size_t size, const char *secret, size_t secret_size)
{
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	char node[] = "node-1";
	uint8_t bytes[16];
	struct error err = {{0}};
	int r;

	memcpy(bytes, credential, size);
	hello.node = node;
	hello.credential.data = bytes;
	hello.credential.len = size;
	r = hello_check(&hello, secret, secret_size, &err);
	if (r < 0)
		assert_string_equal(err.message, "the secret of node 'node-1' is wrong");
	return r;
}

static void compares_the_secret(void **state)
{
	(void)state;
	assert_int_equal(check("secret", 6, "secret", 6), 0);
	assert_int_equal(check("a\0b", 3, "a\0b", 3), 0);
	assert_int_equal(check("a\0c", 3, "a\0b", 3), -EACCES);
	assert_int_equal(check("Secret", 6, "secret", 6), -EACCES);
	assert_int_equal(check("secre", 5, "secret", 6), -EACCES);
	assert_int_equal(check("secrets", 7, "secret", 6), -EACCES);
	assert_int_equal(check("", 0, "secret", 6), -EACCES);
	assert_int_equal(check("anything", 8, "", 0), 0);
	assert_int_equal(check("", 0, NULL, 0), 0);
}

static void refuses_a_bad_name(void **state)
{
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	char name[] = "Node_1";
	struct error err;

	(void)state;
	hello.node = name;
	assert_int_equal(hello_check(&hello, NULL, 0, &err), -EINVAL);
	assert_non_null(strstr(err.message, "'Node_1' is not a node name"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_the_secret),
		cmocka_unit_test(refuses_a_bad_name),
	};

	return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
