#include "aggregator/api/json_text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef signed char sixteen __attribute__((vector_size(16)));

/* True when none of the bytes needs a look: all are ASCII, printable and no one's business. As
 * signed ones, those that are not ASCII are below the space, too; '"' and '&' differ by one bit, as
 * '<' and '>' do. */
static inline bool plain(sixteen text)
{
	sixteen odd = (text < ' ') | ((text | ('"' ^ '&')) == '&') | ((text | ('<' ^ '>')) == '>') |
		      (text == '\\');
	uint64_t half[2];

	memcpy(half, &odd, sizeof(half));
	return (half[0] | half[1]) == 0;
}

/* The beginning and the end of a text of 8 to 16 or of 4 to 8 bytes, which overlap. */
static inline bool copy_ends(char *to, const char *text, size_t length, size_t half)
{
	sixteen both = {0};

	both |= ' ';
	memcpy(&both, text, half);
	memcpy((char *)&both + 8, text + length - half, half);
	if (!plain(both))
		return false;
	memcpy(to, &both, half);
	memcpy(to + length - half, (const char *)&both + 8, half);
	return true;
}

/* Copies a text in which nothing is to be escaped; else false. */
static inline bool copy_plain(char *to, const char *text, size_t length)
{
	sixteen part;

	if (length < 8)
		return length >= 4 && copy_ends(to, text, length, 4);
	if (length < sizeof(part))
		return copy_ends(to, text, length, 8);
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

static char *put_each(char *to, const char *text, size_t length)
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
