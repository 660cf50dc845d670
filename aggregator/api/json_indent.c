#include "aggregator/api/json_indent.h"

#include <string.h>

#define STEP 2 /* spaces */

static void new_line(const struct json_indent *indent, struct buffer *out)
{
	size_t spaces = (size_t)indent->depth * STEP;
	char *to = buffer_reserve(out, 1 + spaces);

	if (!to)
		return;
	*to = '\n';
	memset(to + 1, ' ', spaces);
	out->length += 1 + spaces;
}

/* Copies up to and with the end of the string. Returns how many bytes of `text` that took. */
static size_t copy_string(
	struct json_indent *indent, const char *text, size_t length, struct buffer *out)
{
	size_t i = 0;

	while (i < length && indent->in_string) {
		char c = text[i++];

		if (indent->escaped)
			indent->escaped = false;
		else if (c == '\\')
			indent->escaped = true;
		else if (c == '"')
			indent->in_string = false;
	}
	buffer_append(out, text, i);
	return i;
}

static void take(struct json_indent *indent, char c, struct buffer *out)
{
	bool closes = c == '}' || c == ']';

	if (indent->opened && !closes) {
		indent->opened = false;
		indent->depth++;
		new_line(indent, out);
	}
	if (closes) {
		if (!indent->opened) {
			indent->depth--;
			new_line(indent, out);
		}
		indent->opened = false;
	}
	buffer_append_char(out, c);
	if (c == ',')
		new_line(indent, out);
	else if (c == ':')
		buffer_append_char(out, ' ');
	else if (c == '{' || c == '[')
		indent->opened = true;
	else if (c == '"')
		indent->in_string = true;
}

void json_indent_append(
	struct json_indent *indent, const char *text, size_t length, struct buffer *out)
{
	size_t i = 0;

	while (i < length) {
		if (indent->in_string) {
			i += copy_string(indent, text + i, length - i, out);
			continue;
		}
		if (text[i] != ' ' && text[i] != '\n' && text[i] != '\t' && text[i] != '\r')
			take(indent, text[i], out);
		i++;
	}
}
