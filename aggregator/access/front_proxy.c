#include "aggregator/access/front_proxy.h"

#include <ctype.h>
#include <errno.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The first value of the first header that has one, or "". */
static const char *first_value(const struct string_list *names, const struct evkeyvalq *headers)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *value = evhttp_find_header(headers, names->item[i]);

		if (value && *value)
			return value;
	}
	return "";
}

static int add_groups(
	const struct string_list *names, const struct evkeyvalq *headers, struct user *user)
{
	const struct evkeyval *header;
	int r = 0;

	for (size_t i = 0; i < names->count; i++)
		for (header = headers->tqh_first; r == 0 && header; header = header->next.tqe_next)
			if (strcasecmp(header->key, names->item[i]) == 0 && *header->value)
				r = user_add_group(user, header->value);
	return r;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. A key that is not well-formed, or has a NUL, stays as it is: it is recorded in any
 * case. False when memory is short. */
static bool decode(char *key)
{
	char *decoded = malloc(strlen(key) + 1), *to = decoded;

	if (!decoded)
		return false;
	for (const char *at = key; *at; at++) {
		if (*at == '%') {
			int high = hex_value(at[1]), low = high < 0 ? -1 : hex_value(at[2]);

			if (low < 0 || high + low == 0) {
				free(decoded);
				return true;
			}
			*to++ = (char)(high << 4 | low);
			at += 2;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	memcpy(key, decoded, (size_t)(to - decoded) + 1);
	free(decoded);
	return true;
}

static int add_one_extra(struct user *user, const char *encoded, const char *value)
{
	char *key = strdup(encoded);
	int r = -ENOMEM;

	for (char *at = key; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (key && decode(key))
		r = user_add_extra(user, key, value);
	free(key);
	return r;
}

static int add_extra(
	const struct string_list *prefixes, const struct evkeyvalq *headers, struct user *user)
{
	const struct evkeyval *header;
	int r = 0;

	for (size_t i = 0; i < prefixes->count; i++) {
		const char *prefix = prefixes->item[i];
		size_t length = strlen(prefix);

		for (header = headers->tqh_first; r == 0 && header; header = header->next.tqe_next)
			if (strncasecmp(header->key, prefix, length) == 0)
				r = add_one_extra(user, header->key + length, header->value);
	}
	return r;
}

int front_proxy_user(const struct front_proxy_names *names, const struct evkeyvalq *headers,
	struct user *ret_user, struct error *err)
{
	struct user user = {0};
	const char *name = first_value(names->username, headers);
	int r;

	if (!*name)
		return error_set(err, ENOENT, "the front proxy names no user");
	r = user_set_name(&user, name);
	if (r == 0)
		r = user_set_uid(&user, first_value(names->uid, headers));
	if (r == 0)
		r = add_groups(names->group, headers, &user);
	if (r == 0)
		r = add_extra(names->extra_prefixes, headers, &user);
	if (r < 0) {
		user_free(&user);
		return error_errno(err, -r, "reading the front proxy's headers");
	}
	*ret_user = user;
	return 0;
}
