#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
	size_t needed, capacity;
	char *data;

	if (buffer->failed)
		return NULL;
	if (__builtin_add_overflow(buffer->length, size, &needed) ||
		(buffer->limit && needed > buffer->limit)) {
		buffer->failed = true;
		return NULL;
	}
	if (needed <= buffer->capacity && buffer->data)
		return buffer->data + buffer->length;
	capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return NULL;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	char *to = buffer_reserve(buffer, size);

	if (!to || size == 0)
		return;
	memcpy(to, data, size);
	buffer->length += size;
}

void buffer_append_string(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char c)
{
	buffer_append(buffer, &c, 1);
}

void buffer_append_uint(struct buffer *buffer, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buffer_append(buffer, digits + at, sizeof(digits) - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args, again;
	int length;
	char *to;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0) {
		buffer->failed = true;
	} else {
		to = buffer_reserve(buffer, (size_t)length + 1);
		if (to) {
			(void)vsnprintf(to, (size_t)length + 1, format, again);
			buffer->length += (size_t)length;
		}
	}
	va_end(again);
}

const char *buffer_terminate(struct buffer *buffer)
{
	char *to = buffer_reserve(buffer, 1);

	if (!to)
		return NULL;
	*to = '\0';
	return buffer->data;
}
