/* base/node_name: what a node may be called. */
#include "base/node_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void knows_names_of_kubernetes(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} CASES[] = {
		{"a", true},
		{"0", true},
		{"node-1", true},
		{"node-1.example.com", true},
		{"a--b", true},
		{"", false},
		{"-a", false},
		{"a-", false},
		{".a", false},
		{"a.", false},
		{"a..b", false},
		{"a.-b", false},
		{"a-.b", false},
		{"Node", false},
		{"node_1", false},
		{"node 1", false},
		{"node\n", false},
		{"n\xc3\xb6", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		if (node_name_valid(CASES[i].name) != CASES[i].valid)
			fail_msg("\"%s\"", CASES[i].name);
}

static void bounds_the_length(void **state)
{
	char name[NODE_NAME_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[NODE_NAME_MAX + 1] = '\0';
	assert_false(node_name_valid(name));
	name[NODE_NAME_MAX] = '\0';
	assert_true(node_name_valid(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_names_of_kubernetes),
		cmocka_unit_test(bounds_the_length),
	};

	return cmocka_run_group_tests_name("node_name", tests, NULL, NULL);
}
