#include "agent/cgroup_file.h"

#include "base/number.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

ssize_t cgroup_file_read(int fd, char buffer[CGROUP_FILE_MAX])
{
	size_t length = 0, room;
	char beyond;
	ssize_t n;

	do {
		room = CGROUP_FILE_MAX - length;
		/* A full buffer is the end of the file only if there is nothing behind it. */
		n = room > 0 ? pread(fd, buffer + length, room, (off_t)length)
			     : pread(fd, &beyond, 1, (off_t)length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (room == 0)
			return n == 0 ? (ssize_t)length : -EFBIG;
		length += (size_t)n;
		/* The kernel makes a cgroup file in one piece: less than what was asked for is its
		 * end, and asking again would cost as much as a small file. */
	} while (n < 0 || (size_t)n == room);
	return (ssize_t)length;
}

int cgroup_file_number(const char *text, size_t length, uint64_t *ret_value)
{
	if (length > 0 && text[length - 1] == '\n')
		length--;
	return number_parse(text, length, ret_value);
}

/* PAGE_COUNTER_MAX (linux/page_counter.h), LONG_MAX in whole pages, is what v1 says for "no limit":
 * this with the largest pages there are. */
#define V1_NO_LIMIT 0x7fffffffffff0000ULL

int cgroup_file_limit(const char *text, size_t length, uint64_t *ret_value)
{
	uint64_t value;
	int r;

	if ((length == 3 || (length == 4 && text[3] == '\n')) && memcmp(text, "max", 3) == 0)
		return -ENOENT;
	r = cgroup_file_number(text, length, &value);
	if (r < 0)
		return r;
	if (value >= V1_NO_LIMIT)
		return -ENOENT;
	*ret_value = value;
	return 0;
}

/* The index of the key that text[0..length) is, or `count`. */
static size_t find_key(
	const struct cgroup_file_key *keys, size_t count, const char *text, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].length == length && memcmp(keys[i].name, text, length) == 0)
			return i;
	return count;
}

/* Enters what the value of key `i` turned out to be; true when it is a number. */
static bool judge(struct cgroup_file_result *result, size_t i, int outcome)
{
	uint32_t bit = (uint32_t)1 << i;

	if (outcome == -ERANGE)
		result->too_large |= bit;
	else if (outcome < 0)
		result->malformed |= bit;
	return outcome == 0;
}

struct cgroup_file_result cgroup_file_flat(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values)
{
	struct cgroup_file_result result = {0};
	const char *end = text + length;
	size_t missing = count;

	while (text < end && missing > 0) {
		size_t rest = (size_t)(end - text);
		const char *newline = memchr(text, '\n', rest);
		const char *line_end = newline ? newline : end;
		const char *space = memchr(text, ' ', (size_t)(line_end - text));
		size_t i = space ? find_key(keys, count, text, (size_t)(space - text)) : count;
		uint32_t seen = result.found | result.malformed | result.too_large;

		if (i < count && !(seen >> i & 1)) {
			int r = number_parse(space + 1, (size_t)(line_end - space - 1), &values[i]);

			if (judge(&result, i, r))
				result.found |= (uint32_t)1 << i;
			missing--;
		}
		text = line_end + 1;
	}
	return result;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct cgroup_file_result cgroup_file_nested(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values)
{
	struct cgroup_file_result result = {0};
	uint64_t sums[32] = {0};
	uint32_t seen = 0;
	const char *end = text + length;

	/* Devices don't matter, so neither do lines: every "key=value" word counts. */
	while (text < end) {
		const char *word_end = text, *equals;
		size_t i;

		while (word_end < end && *word_end != ' ' && *word_end != '\n')
			word_end++;
		equals = memchr(text, '=', (size_t)(word_end - text));
		i = equals ? find_key(keys, count, text, (size_t)(equals - text)) : count;
		if (i < count) {
			uint64_t value;
			int r = number_parse(equals + 1, (size_t)(word_end - equals - 1), &value);

			if (judge(&result, i, r))
				sums[i] = keys[i].largest ? larger(sums[i], value)
							  : add_saturating(sums[i], value);
			seen |= (uint32_t)1 << i;
		}
		text = word_end + 1;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t bit = (uint32_t)1 << i;

		if ((result.malformed | result.too_large) & bit ||
			(keys[i].largest && !(seen & bit)))
			continue;
		values[i] = sums[i];
		result.found |= bit;
	}
	return result;
}

/* What stands behind "total=" in a line; -EINVAL without one. */
static int total_of(const char *text, size_t length, uint64_t *ret_value)
{
	static const char TOTAL[] = " total=";
	const char *at = memmem(text, length, TOTAL, sizeof(TOTAL) - 1);

	if (!at)
		return -EINVAL;
	at += sizeof(TOTAL) - 1;
	return number_parse(at, (size_t)(text + length - at), ret_value);
}

struct cgroup_file_result cgroup_file_pressure(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values)
{
	struct cgroup_file_result result = {0};
	const char *end = text + length;

	while (text < end) {
		size_t rest = (size_t)(end - text);
		const char *newline = memchr(text, '\n', rest);
		const char *line_end = newline ? newline : end;
		const char *space = memchr(text, ' ', (size_t)(line_end - text));
		size_t i = space ? find_key(keys, count, text, (size_t)(space - text)) : count;

		if (i < count &&
			judge(&result, i, total_of(space, (size_t)(line_end - space), &values[i])))
			result.found |= (uint32_t)1 << i;
		text = line_end + 1;
	}
	return result;
}
