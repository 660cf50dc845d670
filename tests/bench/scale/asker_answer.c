#include "tests/bench/scale/asker_answer.h"

#include "base/number.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum state {
	HEAD,
	BODY,
	UNTIL_CLOSE,
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_DATA,
	CHUNK_END, /* CR LF behind the data */
	TRAILER,
	DONE,
};

#define MAX_SIZE_DIGITS 15 /* hexadecimal: no overflow */

void asker_answer_start(struct asker_answer *answer, asker_answer_sink sink, void *context)
{
	answer->sink = sink;
	answer->context = context;
	answer->status = 0;
	answer->body_bytes = 0;
	answer->state = HEAD;
	answer->head_length = 0;
}

/* --- the head --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static int read_status(struct asker_answer *answer, const char *line, size_t length)
{
	if (length < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) ||
		line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) ||
		!is_digit(line[11]) || (length > 12 && line[12] != ' ') || line[9] == '0')
		return -EPROTO;
	answer->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	answer->close = line[7] == '0';
	return 0;
}

struct header {
	const char *name, *value;
	size_t name_length, value_length;
};

static bool is_named(const struct header *header, const char *name)
{
	return header->name_length == strlen(name) &&
	       strncasecmp(header->name, name, header->name_length) == 0;
}

static bool is_valued(const struct header *header, const char *value)
{
	return header->value_length == strlen(value) &&
	       strncasecmp(header->value, value, header->value_length) == 0;
}

static int split(const char *line, size_t length, struct header *header)
{
	const char *colon = memchr(line, ':', length);

	if (!colon || colon == line)
		return -EPROTO;
	header->name = line;
	header->name_length = (size_t)(colon - line);
	header->value = colon + 1;
	header->value_length = length - header->name_length - 1;
	while (header->value_length > 0 && (*header->value == ' ' || *header->value == '\t')) {
		header->value++;
		header->value_length--;
	}
	while (header->value_length > 0 && header->value[header->value_length - 1] == ' ')
		header->value_length--;
	return 0;
}

static int read_header(struct asker_answer *answer, const char *line, size_t length)
{
	struct header header;

	if (split(line, length, &header) < 0)
		return -EPROTO;
	switch (header.name_length) {
	case 10:
		if (is_named(&header, "Connection"))
			answer->close = is_valued(&header, "close");
		return 0;
	case 14:
		if (!is_named(&header, "Content-Length"))
			return 0;
		if (answer->sized ||
			number_parse(header.value, header.value_length, &answer->left) < 0)
			return -EPROTO;
		answer->sized = true;
		return 0;
	case 16:
		if (is_named(&header, "Content-Encoding"))
			answer->gzip = is_valued(&header, "gzip");
		return 0;
	case 17:
		if (!is_named(&header, "Transfer-Encoding"))
			return 0;
		answer->chunked = is_valued(&header, "chunked");
		return answer->chunked ? 0 : -EPROTO;
	default:
		return 0;
	}
}

/* What comes behind the head: RFC 9112, 6.3. */
static enum state behind_head(struct asker_answer *answer)
{
	if (answer->status < 200) {
		answer->head_length = 0;
		return HEAD; /* the real one follows */
	}
	if (answer->status == 204 || answer->status == 304)
		return DONE;
	if (answer->chunked) {
		answer->left = answer->line = answer->digits = 0;
		return CHUNK_SIZE;
	}
	if (answer->sized)
		return answer->left > 0 ? BODY : DONE;
	answer->close = true;
	return UNTIL_CLOSE;
}

static int read_head(struct asker_answer *answer, size_t length, struct error *err)
{
	const char *line = answer->head, *end = line + length;
	bool first = true;

	answer->gzip = answer->sized = answer->chunked = false;
	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)(next - line);
		int r;

		if (size > 0 && line[size - 1] == '\r')
			size--;
		r = first ? read_status(answer, line, size) : read_header(answer, line, size);
		if (r < 0)
			return error_set(err, EPROTO, "the answer has a line \"%.*s\"",
				(int)(size < 100 ? size : 100), line);
		first = false;
		line = next + 1;
	}
	if (answer->sized && answer->chunked)
		return error_set(err, EPROTO, "the answer has two lengths");
	answer->state = (int)behind_head(answer);
	return 0;
}

static int take_head(struct asker_answer *answer, const char *data, size_t size, size_t *ret_used,
	struct error *err)
{
	size_t had = answer->head_length, room = sizeof(answer->head) - had;
	size_t from = had > 3 ? had - 3 : 0;
	const char *end;

	if (size > room)
		size = room;
	memcpy(answer->head + had, data, size);
	answer->head_length += size;
	end = memmem(answer->head + from, answer->head_length - from, "\r\n\r\n", 4);
	*ret_used = size;
	if (end) {
		*ret_used = (size_t)(end + 4 - answer->head) - had;
		return read_head(answer, (size_t)(end + 2 - answer->head), err);
	}
	if (answer->head_length == sizeof(answer->head))
		return error_set(err, EPROTO, "the answer's head is longer than %d bytes",
			ASKER_ANSWER_MAX_HEAD);
	return 0;
}

/* --- the body --------------------------------------------------------------------------------- */

static int take_body(struct asker_answer *answer, const char *data, size_t size, size_t *ret_used,
	struct error *err)
{
	if (answer->state != UNTIL_CLOSE) {
		if (size > answer->left)
			size = (size_t)answer->left;
		answer->left -= size;
		if (answer->left == 0)
			answer->state = answer->state == BODY ? DONE : CHUNK_END;
	}
	answer->body_bytes += size;
	answer->line = 0;
	*ret_used = size;
	return answer->sink ? answer->sink(answer->context, answer->gzip, data, size, err) : 0;
}

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int end_size(struct asker_answer *answer)
{
	if (answer->digits == 0)
		return -EPROTO;
	answer->state = answer->left > 0 ? CHUNK_DATA : TRAILER;
	answer->line = answer->digits = answer->trailer_line = 0;
	return 0;
}

static int take_size(struct asker_answer *answer, char c)
{
	int digit = hex(c);

	if (++answer->line > ASKER_ANSWER_MAX_LINE)
		return -EPROTO;
	if (c == '\n')
		return end_size(answer);
	if (answer->state == CHUNK_EXTENSION)
		return 0;
	if (digit >= 0 && answer->digits < MAX_SIZE_DIGITS) {
		answer->left = answer->left * 16 + (uint64_t)digit;
		answer->digits++;
		return 0;
	}
	if (answer->digits == 0 || (c != ';' && c != '\r' && c != ' '))
		return -EPROTO;
	answer->state = CHUNK_EXTENSION;
	return 0;
}

static int take_chunk_end(struct asker_answer *answer, char c)
{
	if (c != (answer->line == 0 ? '\r' : '\n'))
		return -EPROTO;
	if (answer->line++ == 1) {
		answer->state = CHUNK_SIZE;
		answer->left = answer->line = answer->digits = 0;
	}
	return 0;
}

/* Lines up to an empty one. */
static int take_trailer(struct asker_answer *answer, char c)
{
	if (++answer->line > ASKER_ANSWER_MAX_HEAD)
		return -EPROTO;
	if (c == '\n') {
		if (answer->trailer_line == 0)
			answer->state = DONE;
		answer->trailer_line = 0;
	} else if (c != '\r') {
		answer->trailer_line++;
	}
	return 0;
}

static int take_frame(struct asker_answer *answer, char c, size_t *ret_used, struct error *err)
{
	int r;

	*ret_used = 1;
	if (answer->state == CHUNK_END)
		r = take_chunk_end(answer, c);
	else if (answer->state == TRAILER)
		r = take_trailer(answer, c);
	else
		r = take_size(answer, c);
	return r < 0 ? error_set(err, EPROTO, "the answer's chunks are broken") : 0;
}

int asker_answer_take(struct asker_answer *answer, const char *data, size_t size, size_t *ret_used,
	struct error *err)
{
	size_t at = 0, used = 0;
	int r;

	while (answer->state != DONE && at < size) {
		if (answer->state == HEAD)
			r = take_head(answer, data + at, size - at, &used, err);
		else if (answer->state == BODY || answer->state == CHUNK_DATA ||
			 answer->state == UNTIL_CLOSE)
			r = take_body(answer, data + at, size - at, &used, err);
		else
			r = take_frame(answer, data[at], &used, err);
		if (r < 0)
			return r;
		at += used;
	}
	*ret_used = at;
	return answer->state == DONE;
}

int asker_answer_end(const struct asker_answer *answer)
{
	return answer->state == DONE || answer->state == UNTIL_CLOSE;
}
