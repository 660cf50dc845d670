#include "aggregator/api/json_text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

static uint64_t zero_bytes(uint64_t word)
{
	return (word - ONES) & ~word & HIGHS;
}

/* True when none of the eight bytes needs a look: all are ASCII, printable and no one's business.
 * A borrow between bytes can only make it look once too often. */
static bool plain(uint64_t word)
{
	uint64_t odd = word & HIGHS;

	odd |= (word - ONES * 0x20) & ~word & HIGHS;
	odd |= zero_bytes(word ^ ONES * '"') | zero_bytes(word ^ ONES * '\\');
	odd |= zero_bytes(word ^ ONES * '<') | zero_bytes(word ^ ONES * '>');
	odd |= zero_bytes(word ^ ONES * '&');
	return odd == 0;
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

char *json_text_put(char *to, const char *text, size_t length)
{
	size_t i = 0;
	uint64_t word;

	*to++ = '"';
	while (i < length) {
		if (length - i >= sizeof(word)) {
			memcpy(&word, text + i, sizeof(word));
			if (plain(word)) {
				memcpy(to, &word, sizeof(word));
				to += sizeof(word);
				i += sizeof(word);
				continue;
			}
		}
		if (needs_look(text[i]))
			i += put_character(&to, text + i, length - i);
		else
			*to++ = text[i++];
	}
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
