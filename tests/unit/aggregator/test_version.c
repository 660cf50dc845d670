/* aggregator/api/version: the fields that clients read. */
#include "aggregator/api/version.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void tells_the_version(void **state)
{
	static const struct {
		const char *version, *major, *minor, *git;
	} CASES[] = {
		{"0.1.0", "0", "1", "v0.1.0"},
		{"12.34.5-rc.1+build", "12", "34", "v12.34.5-rc.1+build"},
		{"2.3-dev", "2", "3", "v2.3-dev"},
		{"7", "7", "", "v7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buffer out = {0};
		const char *major, *minor, *git, *platform;
		json_t *json;

		version_write(CASES[i].version, &out);
		json = json_loadb(out.data, out.length, 0, NULL);
		assert_int_equal(json_unpack(json, "{s:s,s:s,s:s,s:s}", "major", &major, "minor",
					 &minor, "gitVersion", &git, "platform", &platform),
			0);
		assert_string_equal(major, CASES[i].major);
		assert_string_equal(minor, CASES[i].minor);
		assert_string_equal(git, CASES[i].git);
		assert_memory_equal(platform, "linux/", 6);
		json_decref(json);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_version),
	};

	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
