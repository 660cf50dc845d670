#include "aggregator/api/json_text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef signed char sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* True when none of the bytes needs a look: all are ASCII, printable and no one's business. As
 * signed ones, those that are not ASCII are below the space, too; '"' and '&' differ by one bit, as
 * '<' and '>' do. */
static inline bool plain(sixteen text)
{
	halves odd = (halves)((text < ' ') | ((text | ('"' ^ '&')) == '&') |
			      ((text | ('<' ^ '>')) == '>') | (text == '\\'));

	return (odd[0] | odd[1]) == 0;
}

/* A text of 4 to 8 bytes: its beginning and its end, which overlap. */
static inline bool copy_short(char *to, const char *text, size_t length)
{
	uint32_t begin, end;
	uint64_t both;

	memcpy(&begin, text, sizeof(begin));
	memcpy(&end, text + length - sizeof(end), sizeof(end));
	both = (uint64_t)end << 32 | begin;
	if (!plain((sixteen)(halves){both, both}))
		return false;
	memcpy(to, &begin, sizeof(begin));
	memcpy(to + length - sizeof(end), &end, sizeof(end));
	return true;
}

/* The same of 8 to 16. */
static inline bool copy_middle(char *to, const char *text, size_t length)
{
	uint64_t begin, end;

	memcpy(&begin, text, sizeof(begin));
	memcpy(&end, text + length - sizeof(end), sizeof(end));
	if (!plain((sixteen)(halves){begin, end}))
		return false;
	memcpy(to, &begin, sizeof(begin));
	memcpy(to + length - sizeof(end), &end, sizeof(end));
	return true;
}

/* Copies a text in which nothing is to be escaped; else false. */
static inline bool copy_plain(char *to, const char *text, size_t length)
{
	sixteen part;

	if (length < 8)
		return length >= 4 && copy_short(to, text, length);
	if (length < sizeof(part))
		return copy_middle(to, text, length);
	for (size_t i = 0; i + sizeof(part) < length; i += sizeof(part)) {
		memcpy(&part, text + i, sizeof(part));
		if (!plain(part))
			return false;
		memcpy(to + i, &part, sizeof(part));
	}
	memcpy(&part, text + length - sizeof(part), sizeof(part));
	if (!plain(part))
		return false;
	memcpy(to + length - sizeof(part), &part, sizeof(part));
	return true;
}

static char *put_code(char *to, unsigned code)
{
	static const char HEX[] = "0123456789abcdef";

	*to++ = '\\';
	*to++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*to++ = HEX[code >> shift & 15];
	return to;
}

static char *put_ascii(char *to, char c)
{
	static const char SHORT[] =
		"\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */

	for (size_t i = 0; i + 1 < sizeof(SHORT); i += 2) {
		if (SHORT[i] == c) {
			*to++ = '\\';
			*to++ = SHORT[i + 1];
			return to;
		}
	}
	if ((unsigned char)c < 0x20 || c == '<' || c == '>' || c == '&')
		return put_code(to, (unsigned char)c);
	*to++ = c;
	return to;
}

static bool needs_look(char c)
{
	return (unsigned char)c < 0x20 || (unsigned char)c >= 0x80 || c == '"' || c == '\\' ||
	       c == '<' || c == '>' || c == '&';
}

/* Writes the character at the start of `text` and returns its length there. */
static size_t put_character(char **to, const char *text, size_t length)
{
	size_t size;

	if ((unsigned char)text[0] < 0x80) {
		*to = put_ascii(*to, text[0]);
		return 1;
	}
	size = utf8_character(text, length);
	if (size == 0) {
		*to = put_code(*to, 0xfffd);
		return 1;
	}
	if (size == 3 &&
		(memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0)) {
		*to = put_code(*to, 0x2028 + (text[2] & 1));
	} else {
		memcpy(*to, text, size);
		*to += size;
	}
	return size;
}

/* Out of the way of the texts of Kubernetes, which hardly ever need it. */
__attribute__((noinline)) static char *put_each(char *to, const char *text, size_t length)
{
	size_t i = 0;

	while (i < length) {
		if (needs_look(text[i]))
			i += put_character(&to, text + i, length - i);
		else
			*to++ = text[i++];
	}
	return to;
}

char *json_text_put(char *to, const char *text, size_t length)
{
	*to++ = '"';
	to = copy_plain(to, text, length) ? to + length : put_each(to, text, length);
	*to++ = '"';
	return to;
}

void json_text_append(struct buffer *out, const char *text)
{
	size_t length = strlen(text);
	char *to;

	if (length > (SIZE_MAX - 2) / 6) {
		out->failed = true;
		return;
	}
	to = buffer_reserve(out, JSON_TEXT_BOUND(length));
	if (to)
		out->length += (size_t)(json_text_put(to, text, length) - to);
}
