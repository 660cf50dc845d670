#include "aggregator/access/front_proxy.h"

#include "aggregator/access/header.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* What the headers say, where they say it. */
struct named {
	char *groups[USER_MAX_GROUPS];
	struct user_extra extra[USER_MAX_EXTRA];
	size_t group_count, extra_count;
};

/* The first value of the first header that has one, or "". */
static const char *first_value(const struct string_list *names, const struct evkeyvalq *headers)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *value = header_find(headers, names->item[i]);

		if (value && *value)
			return value;
	}
	return "";
}

static int find_groups(
	const struct string_list *names, const struct evkeyvalq *headers, struct named *named)
{
	const struct evkeyval *header;

	for (size_t i = 0; i < names->count; i++)
		for (header = headers->tqh_first; header; header = header->next.tqe_next) {
			if (!header_is(header, names->item[i]) || !*header->value)
				continue;
			if (named->group_count == USER_MAX_GROUPS)
				return -E2BIG;
			named->groups[named->group_count++] = header->value;
		}
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_well_formed(const char *key)
{
	for (const char *at = key; (at = strchr(at, '%')); at += 3) {
		int high = hex_value(at[1]), low = high < 0 ? -1 : hex_value(at[2]);

		if (low < 0 || high + low == 0)
			return false;
	}
	return true;
}

/* Lower-cases and decodes in place. A key that is not well-formed, or has a NUL, is not decoded: it
 * is recorded in any case. */
static void decode(char *key)
{
	char *to = key;
	bool encoded;

	for (char *at = key; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	encoded = is_well_formed(key);
	for (const char *at = key; encoded && *at; at++) {
		if (*at == '%') {
			*to++ = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
			at += 2;
		} else {
			*to++ = *at;
		}
	}
	if (encoded)
		*to = '\0';
}

static int find_extra(
	const struct string_list *prefixes, const struct evkeyvalq *headers, struct named *named)
{
	const struct evkeyval *header;

	for (size_t i = 0; i < prefixes->count; i++) {
		const char *prefix = prefixes->item[i];
		size_t length = strlen(prefix);

		for (header = headers->tqh_first; header; header = header->next.tqe_next) {
			if (strncasecmp(header->key, prefix, length) != 0)
				continue;
			if (named->extra_count == USER_MAX_EXTRA)
				return -E2BIG;
			named->extra[named->extra_count++] =
				(struct user_extra){header->key + length, header->value};
		}
	}
	return 0;
}

int front_proxy_user(const struct front_proxy_names *names, const struct evkeyvalq *headers,
	struct user *ret_user, struct error *err)
{
	struct named named; /* 36 KiB, of which a few are touched */
	const char *name = first_value(names->username, headers);
	struct user user = {.groups = named.groups, .extra = named.extra};
	int r;

	if (!*name)
		return error_set(err, ENOENT, "the front proxy names no user");
	named.group_count = named.extra_count = 0;
	user.name = (char *)(uintptr_t)name;
	user.uid = (char *)(uintptr_t)first_value(names->uid, headers);
	r = find_groups(names->group, headers, &named);
	if (r == 0)
		r = find_extra(names->extra_prefixes, headers, &named);
	user.group_count = named.group_count;
	user.extra_count = named.extra_count;
	if (r == 0)
		r = user_copy(&user, ret_user);
	if (r < 0)
		return error_errno(err, -r, "reading the front proxy's headers");
	for (size_t i = 0; i < ret_user->extra_count; i++)
		decode(ret_user->extra[i].key);
	return 0;
}
