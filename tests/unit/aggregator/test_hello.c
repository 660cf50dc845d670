/* aggregator/ingest/hello: node names by the rule of DNS-1123, and the secret. */
#include "aggregator/ingest/hello.h"

#include "aggregator/store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void knows_node_names(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} CASES[] = {
		{"a", true},
		{"0", true},
		{"node-1", true},
		{"ip-10-0-0-1.eu-west-1.compute.internal", true},
		{"a--b", true},
		{"", false},
		{"-", false},
		{".", false},
		{"-a", false},
		{"a-", false},
		{".a", false},
		{"a.", false},
		{"a..b", false},
		{"a.-b", false},
		{"a-.b", false},
		{"Node", false},
		{"a_b", false},
		{"a b", false},
		{"a/b", false},
		{"a\n", false},
		{"n\xc3\xb6"
		 "de",
			false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		if (hello_node_name_valid(CASES[i].name) != CASES[i].valid)
			fail_msg("'%s'", CASES[i].name);
}

static void bounds_node_names(void **state)
{
	char name[STORE_MAX_NAME + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[STORE_MAX_NAME] = '\0';
	assert_true(hello_node_name_valid(name));
	name[STORE_MAX_NAME] = 'a';
	name[STORE_MAX_NAME + 1] = '\0';
	assert_false(hello_node_name_valid(name));
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_node_names),
		cmocka_unit_test(bounds_node_names),
		cmocka_unit_test(compares_the_secret),
	};

	return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
