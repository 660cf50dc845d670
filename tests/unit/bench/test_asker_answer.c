/* scale/asker_answer: whole answers, cut at every byte, and what is no HTTP. */
#include "tests/bench/scale/asker_answer.h"

#include "base/buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	struct buffer body;
	bool gzip;
};

static int keep(void *context, bool gzip, const void *data, size_t size, struct error *err)
{
	struct seen *seen = context;

	(void)err;
	seen->gzip = gzip;
	buffer_append(&seen->body, data, size);
	return 0;
}

static const struct {
	const char *text;
	int status;
	const char *body;
	bool gzip, close;
} WHOLE[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false, false},
	{"HTTP/1.1 200 OK\r\ncontent-length:  5 \r\nX: y\r\n\r\nhello", 200, "hello", false, false},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", false, false},
	{"HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", 304, "", false, false},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n", 304, "", false, false},
	{"HTTP/1.1 204 No Content\r\n\r\n", 204, "", false, false},
	{"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
		503, "no", false, true},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, true},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x",
		false, false},
	{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 200, "abc",
		true, false},
	{"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 200,
		"abc", false, false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=\"y\"\r\n!\r\n"
	 "0\r\n\r\n",
		200, "hello!", false, false},
	{"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n"
	 "b \r\nabcdefghijk\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\n",
		200, "0123456789abcdefghijk", false, false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", false, false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n", 200,
		"\r\n\r\n", false, false},
};

static void check(size_t i, const struct asker_answer *answer, struct seen *seen)
{
	assert_int_equal(answer->status, WHOLE[i].status);
	assert_int_equal(answer->close, WHOLE[i].close);
	assert_int_equal(answer->body_bytes, strlen(WHOLE[i].body));
	assert_string_equal(buffer_terminate(&seen->body), WHOLE[i].body);
	if (WHOLE[i].gzip)
		assert_true(seen->gzip);
	buffer_clear(&seen->body);
}

/* The answer is complete with its last byte, not before, and leaves alone what comes behind. */
static void takes_whole_answers(void **state)
{
	struct asker_answer answer;
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(WHOLE) / sizeof(WHOLE[0]); i++) {
		size_t length = strlen(WHOLE[i].text), used = 0;
		char *text = malloc(length + 4);

		assert_non_null(text);
		memcpy(text, WHOLE[i].text, length);
		memcpy(text + length, "next", 4);
		asker_answer_start(&answer, keep, &seen);
		assert_int_equal(asker_answer_take(&answer, text, length + 4, &used, NULL), 1);
		assert_int_equal(used, length);
		check(i, &answer, &seen);
		asker_answer_start(&answer, NULL, NULL);
		assert_int_equal(asker_answer_take(&answer, text, length, &used, NULL), 1);
		free(text);
	}
	buffer_free(&seen.body);
}

static void takes_them_in_two(void **state)
{
	struct asker_answer answer;
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(WHOLE) / sizeof(WHOLE[0]); i++) {
		size_t length = strlen(WHOLE[i].text), used;

		for (size_t at = 0; at < length; at++) {
			asker_answer_start(&answer, keep, &seen);
			assert_int_equal(
				asker_answer_take(&answer, WHOLE[i].text, at, &used, NULL), 0);
			assert_int_equal(used, at);
			assert_int_equal(asker_answer_take(&answer, WHOLE[i].text + at, length - at,
						 &used, NULL),
				1);
			assert_int_equal(used, length - at);
			check(i, &answer, &seen);
		}
	}
	buffer_free(&seen.body);
}

static void takes_them_byte_by_byte(void **state)
{
	struct asker_answer answer;
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(WHOLE) / sizeof(WHOLE[0]); i++) {
		size_t length = strlen(WHOLE[i].text), used;

		asker_answer_start(&answer, keep, &seen);
		for (size_t at = 0; at < length; at++)
			assert_int_equal(
				asker_answer_take(&answer, WHOLE[i].text + at, 1, &used, NULL),
				at + 1 == length);
		check(i, &answer, &seen);
	}
	buffer_free(&seen.body);
}

static void ends_with_the_connection_where_there_is_no_length(void **state)
{
	static const char TEXT[] = "HTTP/1.1 200 OK\r\n\r\nall that comes";
	struct asker_answer answer;
	struct seen seen = {0};
	size_t used;

	(void)state;
	asker_answer_start(&answer, keep, &seen);
	assert_int_equal(asker_answer_end(&answer), 0);
	assert_int_equal(asker_answer_take(&answer, TEXT, sizeof(TEXT) - 1, &used, NULL), 0);
	assert_int_equal(asker_answer_end(&answer), 1);
	assert_true(answer.close);
	assert_string_equal(buffer_terminate(&seen.body), "all that comes");
	buffer_free(&seen.body);
}

static void is_not_ended_by_the_connection_before_its_length(void **state)
{
	static const char *const TEXTS[] = {
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
	};
	struct asker_answer answer;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		asker_answer_start(&answer, NULL, NULL);
		assert_int_equal(
			asker_answer_take(&answer, TEXTS[i], strlen(TEXTS[i]), &used, NULL), 0);
		assert_int_equal(asker_answer_end(&answer), 0);
	}
}

static void refuses_garbage(void **state)
{
	static const char *const TEXTS[] = {
		"\r\n\r\n",
		"SSH-2.0-OpenSSH\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 000 OK\r\n\r\n",
		"HTTP/1.1 abc OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\rx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
	};
	struct asker_answer answer;
	struct error err;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		asker_answer_start(&answer, NULL, NULL);
		err.message[0] = '\0';
		if (asker_answer_take(&answer, TEXTS[i], strlen(TEXTS[i]), &used, &err) != -EPROTO)
			fail_msg("%s", TEXTS[i]);
		assert_true(err.message[0]);
	}
}

/* `count` bytes of `fill` between the two texts. */
static int take_long(const char *begin, char fill, size_t count, const char *end)
{
	struct asker_answer answer;
	struct buffer text = {0};
	size_t used;
	int r;

	buffer_append_string(&text, begin);
	for (size_t i = 0; i < count; i++)
		buffer_append_char(&text, fill);
	buffer_append_string(&text, end);
	asker_answer_start(&answer, NULL, NULL);
	assert_non_null(buffer_terminate(&text));
	r = asker_answer_take(&answer, text.data, text.length, &used, NULL);
	buffer_free(&text);
	return r;
}

static void has_bounds(void **state)
{
	static const char HEAD[] = "HTTP/1.1 204 OK\r\nX: ", END[] = "\r\n\r\n";
	static const char CHUNK[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;";
	static const char TRAILER[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
	size_t most = ASKER_ANSWER_MAX_HEAD - strlen(HEAD) - strlen(END);

	(void)state;
	assert_int_equal(take_long(HEAD, 'a', most, END), 1);
	assert_int_equal(take_long(HEAD, 'a', most + 1, END), -EPROTO);
	assert_int_equal(take_long(CHUNK, 'a', ASKER_ANSWER_MAX_LINE - 4, "\r\n\r\n"), 1);
	assert_int_equal(take_long(CHUNK, 'a', ASKER_ANSWER_MAX_LINE - 3, "\r\n\r\n"), -EPROTO);
	assert_int_equal(take_long(TRAILER, 'a', ASKER_ANSWER_MAX_HEAD - 4, "\r\n\r\n"), 1);
	assert_int_equal(take_long(TRAILER, 'a', ASKER_ANSWER_MAX_HEAD - 3, "\r\n\r\n"), -EPROTO);
}

static int refuse(void *context, bool gzip, const void *data, size_t size, struct error *err)
{
	(void)context;
	(void)gzip;
	(void)data;
	(void)size;
	return error_set(err, EPROTO, "not this body");
}

static void ends_with_what_the_sink_says(void **state)
{
	static const char TEXT[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	struct asker_answer answer;
	struct error err;
	size_t used;

	(void)state;
	asker_answer_start(&answer, refuse, NULL);
	assert_int_equal(asker_answer_take(&answer, TEXT, sizeof(TEXT) - 1, &used, &err), -EPROTO);
	assert_string_equal(err.message, "not this body");
}

/* One answer after the other over one parser: nothing of the first is left. */
static void begins_anew(void **state)
{
	static const char *const TEXTS[] = {
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
	};
	struct asker_answer answer;
	struct seen seen = {0};
	size_t used;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		asker_answer_start(&answer, keep, &seen);
		assert_int_equal(
			asker_answer_take(&answer, TEXTS[i], strlen(TEXTS[i]), &used, NULL), 1);
	}
	assert_int_equal(answer.status, 404);
	assert_false(answer.gzip || answer.close || seen.gzip);
	assert_int_equal(answer.body_bytes, 2);
	buffer_free(&seen.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_whole_answers),
		cmocka_unit_test(takes_them_in_two),
		cmocka_unit_test(takes_them_byte_by_byte),
		cmocka_unit_test(ends_with_the_connection_where_there_is_no_length),
		cmocka_unit_test(is_not_ended_by_the_connection_before_its_length),
		cmocka_unit_test(refuses_garbage),
		cmocka_unit_test(has_bounds),
		cmocka_unit_test(ends_with_what_the_sink_says),
		cmocka_unit_test(begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
