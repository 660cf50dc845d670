#include "top/quantity.h"

#include <errno.h>
#include <string.h>
#include <stdlib.h>

#define MOST_DIGITS 27 /* with nine more for the nano they fit into 128 bits */

struct suffix {
	const char *text;
	int two, ten; /* the factor is 2^two * 10^ten */
};

/* k8s.io/apimachinery, pkg/api/resource, suffix.go */
static const struct suffix SUFFIXES[] = {
	{"", 0, 0},
	{"n", 0, -9},
	{"u", 0, -6},
	{"m", 0, -3},
	{"k", 0, 3},
	{"M", 0, 6},
	{"G", 0, 9},
	{"T", 0, 12},
	{"P", 0, 15},
	{"E", 0, 18},
	{"Ki", 10, 0},
	{"Mi", 20, 0},
	{"Gi", 30, 0},
	{"Ti", 40, 0},
	{"Pi", 50, 0},
	{"Ei", 60, 0},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int read_suffix(const char *text, struct suffix *ret_suffix)
{
	char *end;
	long exponent;

	for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(SUFFIXES[0]); i++)
		if (strcmp(text, SUFFIXES[i].text) == 0) {
			*ret_suffix = SUFFIXES[i];
			return 0;
		}
	if ((*text != 'e' && *text != 'E') ||
		!(is_digit(text[1]) || ((text[1] == '-' || text[1] == '+') && is_digit(text[2]))))
		return -EINVAL;
	exponent = strtol(text + 1, &end, 10);
	if (*end)
		return -EINVAL;
	if (exponent < -99 || exponent > 99)
		return -ERANGE;
	*ret_suffix = (struct suffix){.ten = (int)exponent};
	return 0;
}

/* value * 2^two * 10^ten billionths, where value has at most 27 digits. */
static int scale(nano value, int two, int ten, nano *ret_value)
{
	const nano most = ((nano)1 << 120);
	bool rest = false;

	for (; two > 0; two--) {
		if (value > most / 2)
			return -ERANGE;
		value *= 2;
	}
	for (ten += 9; ten > 0 && value > 0; ten--) {
		if (value > most / 10)
			return -ERANGE;
		value *= 10;
	}
	for (; ten < 0 && value > 0; ten++) {
		rest = rest || value % 10 != 0;
		value /= 10;
	}
	value += rest ? 1 : 0;
	if (value / NANO_PER_ONE / NANO_PER_ONE / NANO_PER_ONE > NANO_PER_ONE)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int quantity_parse(const char *text, nano *ret_value)
{
	bool negative = *text == '-', point = false;
	struct suffix suffix;
	int digits = 0, behind = 0, r;
	nano value = 0;

	if (*text == '-' || *text == '+')
		text++;
	for (bool any = false;; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (!is_digit(*text)) {
			if (!any)
				return -EINVAL;
			break;
		}
		any = true;
		digits += value > 0 || *text != '0';
		behind += point;
		if (digits > MOST_DIGITS || behind > MOST_DIGITS)
			return -ERANGE;
		value = value * 10 + (*text - '0');
	}
	r = read_suffix(text, &suffix);
	if (r == 0)
		r = scale(value, suffix.two, suffix.ten - behind, &value);
	if (r == 0)
		*ret_value = negative ? -value : value;
	return r;
}

double quantity_double(nano value)
{
	return (double)value / 1e9;
}
