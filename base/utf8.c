#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_character(const char *text, size_t length)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char second = length > 1 ? byte[1] : 0;

	if (length == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
		return continues(second) ? 2 : 0;
	if (byte[0] >= 0xe0 && byte[0] <= 0xef) {
		if (length < 3 || !continues(second) || !continues(byte[2]))
			return 0;
		if ((byte[0] == 0xe0 && second < 0xa0) || (byte[0] == 0xed && second > 0x9f))
			return 0;
		return 3;
	}
	if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
		if (length < 4 || !continues(second) || !continues(byte[2]) || !continues(byte[3]))
			return 0;
		if ((byte[0] == 0xf0 && second < 0x90) || (byte[0] == 0xf4 && second > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

void utf8_append_valid(struct buffer *out, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		size_t size = utf8_character(text, length);

		if (size > 0)
			buffer_append(out, text, size);
		else
			buffer_append_string(out, "\xef\xbf\xbd");
		text += size > 0 ? size : 1;
		length -= size > 0 ? size : 1;
	}
}

static void append_ascii(struct buffer *out, char c)
{
	static const char SHORT[] = "\"\"\\\\\aa\bb\ff\nn\rr\tt\vv"; /* the character, its letter */

	for (size_t i = 0; i + 1 < sizeof(SHORT); i += 2) {
		if (SHORT[i] == c) {
			buffer_append_char(out, '\\');
			buffer_append_char(out, SHORT[i + 1]);
			return;
		}
	}
	if ((unsigned char)c < 0x20 || c == 0x7f)
		buffer_printf(out, "\\x%02x", (unsigned char)c);
	else
		buffer_append_char(out, c);
}

void utf8_append_quoted(struct buffer *out, const char *text)
{
	size_t length = strlen(text);

	buffer_append_char(out, '"');
	while (length > 0) {
		size_t size = utf8_character(text, length);

		if (size == 1)
			append_ascii(out, *text);
		else if (size == 2 && text[0] == '\xc2' && (unsigned char)text[1] < 0xa0)
			buffer_printf(out, "\\u00%02x", (unsigned char)text[1]); /* C1 controls */
		else if (size > 1)
			buffer_append(out, text, size);
		else
			buffer_printf(out, "\\x%02x", (unsigned char)*text);
		text += size > 0 ? size : 1;
		length -= size > 0 ? size : 1;
	}
	buffer_append_char(out, '"');
}
