/* aggregator/access/open_paths: what everyone may ask. */
#include "aggregator/access/open_paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void exactly_these_are_open(void **state)
{
	static char metrics[] = "/metrics", debug[] = "/debug/*", bare[] = "bare", root[] = "/";
	static char *items[] = {metrics, debug, bare, root};
	static const struct {
		const char *path;
		bool open, with_more;
	} CASES[] = {
		{"/healthz", true, true},
		{"/livez", true, true},
		{"/readyz", true, true},
		{"/readyz/", false, false},
		{"/readyz/x", false, false},
		{"//readyz", false, false},
		{"readyz", false, false},
		{"/READYZ", false, false},
		{"/livezz", false, false},
		{"/", false, true},
		{"", false, true}, /* Kubernetes compares without the slash */
		{"/metrics", false, true},
		{"/metrics/", false, false},
		{"/debug/", false, true},
		{"/debug/x/y", false, true},
		{"/debug", false, false},
		{"/bare", false, true},
		{"/debu", false, false},
	};
	const struct string_list list = {items, 4};
	struct error err;
	struct open_paths *few = open_paths_new(NULL, &err), *more = open_paths_new(&list, &err);

	(void)state;
	assert_non_null(few);
	assert_non_null(more);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		if (open_paths_have(few, CASES[i].path) != CASES[i].open)
			fail_msg("few: %s", CASES[i].path);
		if (open_paths_have(more, CASES[i].path) != CASES[i].with_more)
			fail_msg("more: %s", CASES[i].path);
		assert_int_equal(open_paths_are_probes(CASES[i].path), CASES[i].open);
	}
	open_paths_free(few);
	open_paths_free(more);
}

static void a_star_opens_all_and_stands_at_the_end(void **state)
{
	static char star[] = "*", within[] = "/a*b";
	static char *one[] = {star}, *other[] = {within};
	const struct string_list all = {one, 1}, bad = {other, 1};
	struct error err;
	struct open_paths *paths = open_paths_new(&all, &err);

	(void)state;
	assert_non_null(paths);
	assert_true(open_paths_have(paths, "/anything/at/all"));
	open_paths_free(paths);
	assert_null(open_paths_new(&bad, &err));
	assert_string_equal(
		err.message, "a path that is always allowed may have a * at its end only: /a*b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_these_are_open),
		cmocka_unit_test(a_star_opens_all_and_stands_at_the_end),
	};

	return cmocka_run_group_tests_name("open_paths", tests, NULL, NULL);
}
