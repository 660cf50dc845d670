/* aggregator/api/http_date: the Date header. */
#include "aggregator/api/http_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void is_as_the_rfc_has_it(void **state)
{
	struct http_date date = {0};

	(void)state;
	assert_string_equal(http_date_text(&date, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(http_date_text(&date, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(http_date_text(&date, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(http_date_text(&date, 784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
	assert_string_equal(http_date_text(&date, 951827696), "Tue, 29 Feb 2000 12:34:56 GMT");
	assert_string_equal(http_date_text(&date, 253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(is_as_the_rfc_has_it)};

	return cmocka_run_group_tests_name("http_date", tests, NULL, NULL);
}
