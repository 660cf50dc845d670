#include "aggregator/api/label_rules.h"

#include "base/utf8.h"
#include "base/buffer.h"

#include <errno.h>
#include <string.h>

#define MAX_NAME   63  /* of a value, and of a key's part behind the '/' */
#define MAX_PREFIX 253 /* of the part before it */

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, '-', '_' and '.', with a letter or digit at both ends. */
static bool is_name(const char *text, size_t length)
{
	if (length == 0 || length > MAX_NAME)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(text[i]) && !strchr("-_.", text[i]))
			return false;
	return is_alphanumeric(text[0]) && is_alphanumeric(text[length - 1]);
}

static bool is_subdomain(const char *text, size_t length)
{
	if (length == 0 || length > MAX_PREFIX)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i + 1 == length || text[i - 1] == '.' || text[i + 1] == '.';

		if (is_lower_or_digit(text[i]))
			continue;
		if (edge || (text[i] != '-' && text[i] != '.'))
			return false;
	}
	return true;
}

/* `<field>: Invalid value: "<value>": <rule>` */
static int invalid(struct error *err, const char *field, const char *value, const char *rule)
{
	struct buffer quoted = {0};
	const char *text;
	int r;

	utf8_append_quoted(&quoted, value);
	text = buffer_terminate(&quoted);
	r = error_set(err, EINVAL, "%s: Invalid value: %.200s%s: %s", field, text ? text : "",
		text && strlen(text) > 200 ? "...\"" : "", rule);
	buffer_free(&quoted);
	return r;
}

int label_rules_check_key(const char *key, struct error *err)
{
	const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;

	if (slash && !is_subdomain(key, (size_t)(slash - key)))
		return invalid(err, "<nil>", key,
			"prefix part must be a lowercase DNS subdomain of at most 253 characters");
	if (!is_name(name, strlen(name)))
		return invalid(err, "<nil>", key,
			"name part must be 1 to 63 letters, digits, '-', '_' or '.', and must "
			"start and end with a letter or digit");
	return 0;
}

int label_rules_check_value(const char *key, size_t index, const char *value, struct error *err)
{
	struct buffer field = {0};
	const char *name;
	int r;

	if (*value == '\0' || is_name(value, strlen(value)))
		return 0;
	buffer_printf(&field, "values[%zu][%.100s]", index, key);
	name = buffer_terminate(&field);
	r = invalid(err, name ? name : "values", value,
		"a label value must be empty or at most 63 letters, digits, '-', '_' or '.', and "
		"must start and end with a letter or digit");
	buffer_free(&field);
	return r;
}

int label_rules_check_integer(const char *value, int64_t *ret_number, struct error *err)
{
	if (label_rules_integer(value, ret_number))
		return 0;
	return invalid(
		err, "values[0]", value, "for 'Gt', 'Lt' operators, the value must be an integer");
}

bool label_rules_integer(const char *text, int64_t *ret_number)
{
	bool negative = *text == '-';
	int64_t number = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		int digit = *text - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
			__builtin_sub_overflow(number, digit, &number))
			return false; /* counted downwards: the lowest has no positive */
	}
	if (!negative && __builtin_mul_overflow(number, -1, &number))
		return false;
	*ret_number = number;
	return true;
}
