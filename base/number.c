#include "base/number.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

int number_scan(const char *text, size_t length, uint64_t *ret_value, size_t *ret_used)
{
	uint64_t value = 0;
	size_t used = 0;

	for (; used < length && text[used] >= '0' && text[used] <= '9'; used++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[used] - '0'), &value))
			return -ERANGE;
	}
	if (used == 0)
		return -EINVAL;
	*ret_value = value;
	*ret_used = used;
	return 0;
}

int number_parse(const char *text, size_t length, uint64_t *ret_value)
{
	uint64_t value;
	size_t used;
	int r = number_scan(text, length, &value, &used);

	if (r < 0)
		return r;
	if (used != length)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

__extension__ typedef unsigned __int128 wide;

static const struct {
	const char *name;
	uint64_t ns;
} UNITS[] = {
	/* longer names first: "ms" before "m" */
	{"ns", 1},
	{"us", NS_PER_USEC},
	{"\xc2\xb5s", NS_PER_USEC}, /* U+00B5, which Go prints */
	{"\xce\xbcs", NS_PER_USEC}, /* U+03BC */
	{"ms", NS_PER_MS},
	{"s", NS_PER_SECOND},
	{"m", 60 * NS_PER_SECOND},
	{"h", 3600 * NS_PER_SECOND},
};

static int scan_unit(const char **text, uint64_t *ret_ns)
{
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		size_t length = strlen(UNITS[i].name);

		if (strncmp(*text, UNITS[i].name, length) == 0) {
			*text += length;
			*ret_ns = UNITS[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

/* One "12.5s" of a duration. */
static int scan_term(const char **text, uint64_t *ret_ns)
{
	uint64_t whole = 0, unit, fraction = 0, divisor = 1, ns;
	size_t used = 0;
	int r, digits = 0;

	if (**text != '.') {
		r = number_scan(*text, strlen(*text), &whole, &used);
		if (r < 0)
			return r;
		*text += used;
		digits = 1;
	}
	if (**text == '.') {
		for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
			digits = 1;
			if (divisor >= NS_PER_SECOND * 1000)
				continue; /* beyond a nanosecond of an hour */
			fraction = fraction * 10 + (uint64_t)(**text - '0');
			divisor *= 10;
		}
	}
	if (!digits)
		return -EINVAL;
	r = scan_unit(text, &unit);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(whole, unit, &ns))
		return -ERANGE;
	if (__builtin_add_overflow(ns, (uint64_t)((wide)fraction * unit / divisor), &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

int number_parse_duration(const char *text, uint64_t *ret_ns)
{
	uint64_t total = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		uint64_t term;
		int r = scan_term(&text, &term);

		if (r < 0)
			return r;
		/* Go's time.Duration is a signed 64-bit number */
		if (__builtin_add_overflow(total, term, &total) || total > INT64_MAX)
			return -ERANGE;
	}
	*ret_ns = total;
	return 0;
}
