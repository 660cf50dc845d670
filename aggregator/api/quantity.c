#include "aggregator/api/quantity.h"

#include "aggregator/api/digits.h"

static uint64_t bounded(uint64_t value)
{
	return value < QUANTITY_MAX ? value : QUANTITY_MAX;
}

/* Divides by 1000 as often as that is exact; `*suffix` moves on with it. */
static char *put_decimal(char *to, uint64_t value, const char *suffix)
{
	if (value == 0) {
		*to++ = '0';
		return to;
	}
	while (value % 1000 == 0) {
		value /= 1000;
		suffix++;
	}
	to = digits_put(to, value);
	if (*suffix != ' ')
		*to++ = *suffix;
	return to;
}

char *quantity_put_nanocores(char *to, uint64_t nanocores)
{
	return put_decimal(to, bounded(nanocores), "num k");
}

char *quantity_put_decimal(char *to, uint64_t value, int exponent)
{
	static const char SUFFIX[] = "num kMGTPE"; /* 2^64 of the greatest steps is below 19 E */

	return put_decimal(to, value, SUFFIX + (exponent + 9) / 3);
}

char *quantity_put_bytes(char *to, uint64_t bytes)
{
	static const char SUFFIX[] = " KMGT"; /* QUANTITY_MAX is below 1024 Ti */
	unsigned power;

	bytes = bounded(bytes);
	if (bytes < 1024)
		return put_decimal(to, bytes, " k");
	power = (unsigned)__builtin_ctzll(bytes) / 10;
	to = digits_put(to, bytes >> (10 * power));
	if (power > 0) {
		*to++ = SUFFIX[power];
		*to++ = 'i';
	}
	return to;
}
