#include "base/escape.h"

#include <stdio.h>

#define ESCAPED 4 /* \xNN */

/* A control character's bytes that begin here: 0, 1 or 2. */
static int control(const unsigned char *at)
{
	if (*at < 0x20 || *at == 0x7f)
		return 1;
	return *at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0 ? 2 : 0;
}

size_t escape_controls(char *out, size_t size, const char *text)
{
	size_t length = 0;

	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		int bytes = control(at);

		if (length + (bytes ? (size_t)bytes * ESCAPED : 1) >= size)
			break;
		if (bytes == 0)
			out[length++] = (char)*at;
		for (int i = 0; i < bytes; i++)
			length += (size_t)snprintf(out + length, size - length, "\\x%02x", at[i]);
		at += bytes > 1;
	}
	out[length] = '\0';
	return length;
}
