#include "aggregator/api/digits.h"

#include <string.h>

static const char PAIRS[201] = "0001020304050607080910111213141516171819"
			       "2021222324252627282930313233343536373839"
			       "4041424344454647484950515253545556575859"
			       "6061626364656667686970717273747576777879"
			       "8081828384858687888990919293949596979899";

static unsigned count(uint64_t value)
{
	unsigned digits = 1;

	for (; value >= 10000; value /= 10000)
		digits += 4;
	return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

char *digits_put(char *to, uint64_t value)
{
	char *end = to + count(value), *at = end;

	while (value >= 100) {
		at -= 2;
		memcpy(at, PAIRS + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10)
		memcpy(at - 2, PAIRS + value * 2, 2);
	else
		at[-1] = (char)('0' + value);
	return end;
}

char *digits_put_two(char *to, unsigned value)
{
	memcpy(to, PAIRS + (size_t)value * 2, 2);
	return to + 2;
}
