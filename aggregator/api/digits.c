#include "aggregator/api/digits.h"

#include <string.h>

static const char PAIRS[201] = "0001020304050607080910111213141516171819"
			       "2021222324252627282930313233343536373839"
			       "4041424344454647484950515253545556575859"
			       "6061626364656667686970717273747576777879"
			       "8081828384858687888990919293949596979899";

char *digits_put(char *to, uint64_t value)
{
	char digits[DIGITS_BOUND];
	char *at = digits + sizeof(digits);
	size_t length;

	while (value >= 100) {
		at -= 2;
		memcpy(at, PAIRS + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(at, PAIRS + value * 2, 2);
	} else {
		*--at = (char)('0' + value);
	}
	length = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, length);
	return to + length;
}

char *digits_put_two(char *to, unsigned value)
{
	memcpy(to, PAIRS + (size_t)value * 2, 2);
	return to + 2;
}
