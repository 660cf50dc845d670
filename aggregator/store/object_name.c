#include "aggregator/store/object_name.h"

#include "aggregator/store/store.h"

#include <errno.h>
#include <string.h>

/* The length of the UTF-8 character at `at`, or 0 when it is none: a stray or missing continuation
 * byte, an overlong form, a surrogate, or beyond U+10FFFF (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *at)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		length = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		length = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) /* a NUL ends the text and is no continuation */
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return length;
}

int object_name_check_bytes(const char *what, const char *text, size_t most, struct error *err)
{
	const unsigned char *at = (const unsigned char *)text;

	if (strnlen(text, most + 1) > most)
		return error_set(err, EINVAL, "%s is longer than %zu bytes", what, most);
	while (*at) {
		size_t length = utf8_length(at);

		if (length == 0)
			return error_set(err, EINVAL, "%s is not UTF-8", what);
		if (*at < 0x20 || *at == 0x7f)
			return error_set(err, EINVAL, "%s has the control character 0x%02x in it",
				what, *at);
		at += length;
	}
	return 0;
}

int object_name_check_text(const char *what, const char *text, struct error *err)
{
	return object_name_check_bytes(what, text, STORE_MAX_NAME, err);
}

int object_name_check(const char *what, const char *name, struct error *err)
{
	int r = object_name_check_text(what, name, err);
	const char *bad;

	if (r < 0)
		return r;
	bad = strpbrk(name, "/%");
	if (bad)
		return error_set(err, EINVAL, "%s \"%s\" has a '%c' in it", what, name, *bad);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(err, EINVAL, "%s is \"%s\"", what, name);
	return 0;
}
