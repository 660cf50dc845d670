#include "aggregator/kube/base64.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int value_of(char c)
{
	static const char LETTERS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(LETTERS, c) : NULL;

	return at ? (int)(at - LETTERS) : -1;
}

/* Up to three bytes of four letters, of which `padding` are missing. */
static size_t put(char *to, uint32_t bits, size_t padding)
{
	size_t count = 3 - padding;

	for (size_t i = 0; i < count; i++)
		to[i] = (char)(bits >> (16 - 8 * i) & 0xff);
	return count;
}

static int decode(const char *from, char *to, size_t *ret_length)
{
	uint32_t bits = 0;
	size_t letters = 0, padding = 0, length = 0;

	for (; *from; from++) {
		int value = *from == '=' ? 0 : value_of(*from);

		if (*from == '\n' || *from == '\r')
			continue;
		if (*from == '=')
			padding++;
		else if (padding > 0)
			return -EINVAL;
		if (value < 0 || padding > 2 || (padding > 0 && letters < 2))
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (++letters < 4)
			continue;
		length += put(to + length, bits, padding);
		letters = 0;
		bits = 0;
	}
	*ret_length = length;
	return letters == 0 ? 0 : -EINVAL;
}

int base64_decode_text(const char *base64, char **ret_text)
{
	char *text = malloc(strlen(base64) / 4 * 3 + 4);
	size_t length = 0;
	int r;

	if (!text)
		return -ENOMEM;
	r = decode(base64, text, &length);
	if (r < 0 || memchr(text, '\0', length)) {
		free(text);
		return -EINVAL;
	}
	text[length] = '\0';
	*ret_text = text;
	return 0;
}

char *base64_encode(const void *data, size_t size)
{
	char *text = size <= INT_MAX / 2 ? malloc((size + 2) / 3 * 4 + 1) : NULL;

	if (text)
		(void)EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	return text;
}
