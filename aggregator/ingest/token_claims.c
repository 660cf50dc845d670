#include "aggregator/ingest/token_claims.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Beyond, a double does not hold each second. */
#define MAX_TIME 9007199254740992.0

/* RFC 4648, section 5; -1 for any other byte. */
static int value_of(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	return digit == '-' ? 62 : digit == '_' ? 63 : -1;
}

/* base64url without padding. `out` has room for size * 3 / 4 bytes. False when it is none. */
static bool decode(const char *text, size_t size, char *out, size_t *ret_size)
{
	uint32_t bits = 0;
	size_t count = 0, length = 0;

	for (size_t i = 0; i < size; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[length++] = (char)(bits >> count & 0xff);
		}
	}
	*ret_size = length;
	return size % 4 != 1; /* six bits are no byte */
}

static int read_expiry(const json_t *payload, uint64_t *ret_expires_s)
{
	const json_t *exp = json_object_get(payload, "exp");
	double time = json_number_value(exp);

	if (!json_is_object(payload))
		return -EINVAL;
	if (!exp)
		return -ENODATA;
	if (!json_is_number(exp) || !(time >= 0 && time < MAX_TIME))
		return -EINVAL;
	*ret_expires_s = (uint64_t)time;
	return 0;
}

int token_claims_expiry(const char *token, uint64_t *ret_expires_s)
{
	const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	json_t *payload = NULL;
	size_t size;
	char *text;
	int r;

	if (!second || strlen(token) > TOKEN_MAX)
		return -EINVAL;
	size = (size_t)(second - first - 1);
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	if (decode(first + 1, size, text, &size))
		payload = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	r = read_expiry(payload, ret_expires_s);
	json_decref(payload);
	free(text);
	return r;
}
