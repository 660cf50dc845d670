/* aggregator/api/reply_head: its letters, and its room. That it is what evhttp writes, test_answers
 * says. */
#include "aggregator/api/reply_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>

#define START "HTTP/1.1 429 Too Many Requests\r\n"
#define REST                                                                  \
	"Audit-Id: an-id\r\nCache-Control: no-cache, private\r\n"             \
	"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\n" \
	"Content-Length: 18446744073709551615\r\n\r\n"

static struct evkeyvalq others;
static char retry[] = "Retry-After", one[] = "1", allow[] = "Allow", get[] = "GET";
static struct evkeyval first = {.key = retry, .value = one}, second = {.key = allow, .value = get};

static struct reply_head head_with(unsigned count)
{
	TAILQ_INIT(&others);
	if (count > 0)
		TAILQ_INSERT_TAIL(&others, &first, next);
	if (count > 1)
		TAILQ_INSERT_TAIL(&others, &second, next);
	return (struct reply_head){
		.code = 429,
		.phrase = "Too Many Requests",
		.others = &others,
		.audit_id = "an-id",
		.date = "Thu, 01 Jan 1970 00:00:00 GMT",
		.content_type = "text/plain",
		.content_length = SIZE_MAX,
	};
}

static void has_all_headers_in_order(void **state)
{
	static const char *const EXPECTED[] = {START REST, START "Retry-After: 1\r\n" REST,
		START "Retry-After: 1\r\nAllow: GET\r\n" REST};
	char text[1000];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct reply_head head = head_with(i);
		size_t size = reply_head_write(&head, text, sizeof(text));

		assert_int_equal(size, strlen(EXPECTED[i]));
		assert_memory_equal(text, EXPECTED[i], size);
	}
}

static void is_whole_or_nothing(void **state)
{
	struct reply_head head = head_with(2);
	char text[1000];
	size_t size = reply_head_write(&head, text, sizeof(text));

	(void)state;
	assert_int_equal(reply_head_write(&head, text, size), size);
	for (size_t less = 0; less < size; less++) {
		memset(text, '?', sizeof(text));
		assert_int_equal(reply_head_write(&head, text, less), 0);
		assert_int_equal(text[less], '?');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_all_headers_in_order),
		cmocka_unit_test(is_whole_or_nothing),
	};

	return cmocka_run_group_tests_name("reply_head", tests, NULL, NULL);
}
