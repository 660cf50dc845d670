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

	for (; value >= 100000000; value /= 100000000)
		digits += 8;
	if (value >= 10000) {
		digits += 4;
		value /= 10000;
	}
	return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

static void put_pair(char *to, uint32_t value)
{
	memcpy(to, PAIRS + (size_t)value * 2, 2);
}

/* Eight digits: no division waits for another but the first. */
static void put_eight(char *to, uint32_t value)
{
	uint32_t high = value / 10000, low = value % 10000;

	put_pair(to, high / 100);
	put_pair(to + 2, high % 100);
	put_pair(to + 4, low / 100);
	put_pair(to + 6, low % 100);
}

/* At most eight digits, which end at `end`. */
static void put_first(char *end, uint32_t value)
{
	if (value >= 10000) {
		uint32_t low = value % 10000;

		put_pair(end - 2, low % 100);
		put_pair(end - 4, low / 100);
		end -= 4;
		value /= 10000;
	}
	if (value >= 100) {
		put_pair(end - 2, value % 100);
		end -= 2;
		value /= 100;
	}
	if (value >= 10)
		put_pair(end - 2, value);
	else
		end[-1] = (char)('0' + value);
}

char *digits_put(char *to, uint64_t value)
{
	char *end = to + count(value), *at = end;

	while (value >= 100000000) {
		at -= 8;
		put_eight(at, (uint32_t)(value % 100000000));
		value /= 100000000;
	}
	put_first(at, (uint32_t)value);
	return end;
}

char *digits_put_two(char *to, unsigned value)
{
	memcpy(to, PAIRS + (size_t)value * 2, 2);
	return to + 2;
}
