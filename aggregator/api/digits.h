/* Decimal digits, written where the caller has made room for them. */
#ifndef API_DIGITS_H
#define API_DIGITS_H

#include <stdint.h>

#define DIGITS_BOUND 20 /* of the greatest 64-bit number */

/* Writes `value` without leading zeros, not terminated. Returns where the next byte goes. */
char *digits_put(char *to, uint64_t value);

/* Writes exactly two digits; `value` is below 100. */
char *digits_put_two(char *to, unsigned value);

#endif
