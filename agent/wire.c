#include "agent/wire.h"

#include <stdint.h>

char *wire_string(const char *text)
{
	union {
		const char *in;
		char *out;
	} string = {.in = text};

	return string.out;
}

void wire_append(const Tacho__V1__Message *message, struct buffer *out)
{
	char *to = buffer_reserve(out, tacho__v1__message__get_packed_size(message));

	if (to)
		out->length += tacho__v1__message__pack(message, (uint8_t *)to);
}
