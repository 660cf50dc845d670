/* aggregator/access/front_proxy: what the headers of the front proxy say. */
#include "aggregator/access/front_proxy.h"

#include "tests/harness/headers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char user_1[] = "X-Remote-User", user_2[] = "X-Other-User", uid_1[] = "X-Remote-Uid",
	    group_1[] = "X-Remote-Group", group_2[] = "X-Other-Group",
	    extra_1[] = "X-Remote-Extra-", extra_2[] = "X-Other-Extra-";
static char *users[] = {user_1, user_2}, *uids[] = {uid_1}, *groups[] = {group_1, group_2},
	    *prefixes[] = {extra_1, extra_2};
static const struct string_list USERS = {users, 2}, UIDS = {uids, 1}, GROUPS = {groups, 2},
				PREFIXES = {prefixes, 2};
static const struct front_proxy_names NAMES = {&USERS, &UIDS, &GROUPS, &PREFIXES};

/* "name|uid|group,group|key=value,key=value" */
static void write_user(const struct user *user, char *to, size_t size)
{
	size_t length =
		(size_t)snprintf(to, size, "%s|%s|", user->name, user->uid ? user->uid : "");

	for (size_t i = 0; i < user->group_count; i++)
		length += (size_t)snprintf(
			to + length, size - length, "%s%s", i ? ";" : "", user->groups[i]);
	length += (size_t)snprintf(to + length, size - length, "|");
	for (size_t i = 0; i < user->extra_count; i++)
		length += (size_t)snprintf(to + length, size - length, "%s%s=%s", i ? ";" : "",
			user->extra[i].key, user->extra[i].value);
}

static void headers_name_the_user(void **state)
{
	static const struct {
		const char *lines[16];
		const char *user; /* NULL: nobody */
	} CASES[] = {
		{{NULL}, NULL},
		{{"X-Remote-Group", "system:masters"}, NULL},
		{{"X-Remote-User", ""}, NULL},
		{{"X-Remote-User", "alice"}, "alice|||"},
		{{"x-rEMOTE-uSER", "alice"}, "alice|||"},
		{{"X-Other-User", "bob", "X-Remote-User", "alice"}, "alice|||"},
		{{"X-Other-User", "bob", "X-Remote-User", ""}, "bob|||"},
		/* Go's Header.Get is the first line's value, also when that is empty */
		{{"X-Remote-User", "", "X-Remote-User", "alice"}, NULL},
		{{"X-Remote-User", "alice", "X-Remote-User", "bob"}, "alice|||"},
		{{"X-Remote-User", "alice", "X-Remote-Uid", "42"}, "alice|42||"},
		/* each line is one group, with its commas; empty ones are none */
		{{"X-Remote-User", "alice", "X-Remote-Group", "dev", "X-Remote-Group", "a,b",
			 "X-Remote-Group", "", "x-remote-group", "system:authenticated"},
			"alice||dev;a,b;system:authenticated|"},
		{{"X-Remote-User", "alice", "X-Other-Group", "two", "X-Remote-Group", "one"},
			"alice||one;two|"},
		{{"X-Remote-User", "alice",
			 "X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id",
			 "X509SHA256=2a60"},
			"alice|||authentication.kubernetes.io/credential-id=X509SHA256=2a60"},
		/* lower-cased before it is decoded */
		{{"X-Remote-User", "a", "X-Remote-Extra-A%41B", "v"}, "a|||aAb=v"},
		{{"X-Remote-User", "a", "X-Remote-Extra-Bad%4", "v"}, "a|||bad%4=v"},
		{{"X-Remote-User", "a", "X-Remote-Extra-Bad%zz%41", "v"}, "a|||bad%zz%41=v"},
		{{"X-Remote-User", "a", "X-Remote-Extra-Nul%00x", "v"}, "a|||nul%00x=v"},
		{{"X-Remote-User", "a", "X-Remote-Extra-Plus+x", "v"}, "a|||plus+x=v"},
		{{"X-Remote-User", "a", "X-Remote-Extra-K", "1", "X-Remote-Extra-k", "2,3"},
			"a|||k=1;k=2,3"},
		{{"X-Remote-User", "a", "X-Other-Extra-K", "2", "X-Remote-Extra-K", ""},
			"a|||k=;k=2"},
		{{"X-Remote-User", "a", "X-Remote-Extra-", "v"}, "a|||=v"},
		{{"X-Remote-User", "a", "X-Remote-Extr", "v"}, "a|||"},
		{{"X-Remote-User", "a", "Impersonate-User", "root", "Impersonate-Group",
			 "system:masters"},
			"a|||"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct evkeyvalq headers;
		struct user user = {0};
		struct error err;
		char text[500];
		int r;

		headers_init(&headers, CASES[i].lines);
		r = front_proxy_user(&NAMES, &headers, &user, &err);
		if (r == 0) {
			write_user(&user, text, sizeof(text));
			if (!CASES[i].user || strcmp(text, CASES[i].user) != 0)
				fail_msg("case %zu: %s", i, text);
		} else if (CASES[i].user || r != -ENOENT) {
			fail_msg("case %zu: %s", i, err.message);
		}
		user_free(&user);
		evhttp_clear_headers(&headers);
	}
}

static void without_names_nobody_is_named(void **state)
{
	static const struct string_list NONE;
	const struct front_proxy_names names = {&NONE, &NONE, &NONE, &NONE};
	const char *lines[] = {"X-Remote-User", "alice", NULL};
	struct evkeyvalq headers;
	struct user user = {0};
	struct error err;

	(void)state;
	headers_init(&headers, lines);
	assert_int_equal(front_proxy_user(&names, &headers, &user, &err), -ENOENT);
	evhttp_clear_headers(&headers);
}

static void groups_are_bounded(void **state)
{
	struct evkeyvalq headers;
	struct user user = {0};
	struct error err;

	(void)state;
	headers_init(&headers, NULL);
	(void)evhttp_add_header(&headers, "X-Remote-User", "alice");
	for (int i = 0; i < USER_MAX_GROUPS; i++)
		(void)evhttp_add_header(&headers, "X-Remote-Group", "g");
	assert_int_equal(front_proxy_user(&NAMES, &headers, &user, &err), 0);
	assert_int_equal(user.group_count, USER_MAX_GROUPS);
	user_free(&user);
	(void)evhttp_add_header(&headers, "X-Remote-Group", "g");
	assert_int_equal(front_proxy_user(&NAMES, &headers, &user, &err), -E2BIG);
	evhttp_clear_headers(&headers);
	headers_init(&headers, NULL);
	(void)evhttp_add_header(&headers, "X-Remote-User", "alice");
	for (int i = 0; i <= USER_MAX_EXTRA; i++)
		(void)evhttp_add_header(&headers, "X-Remote-Extra-k", "v");
	assert_int_equal(front_proxy_user(&NAMES, &headers, &user, &err), -E2BIG);
	evhttp_clear_headers(&headers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_name_the_user),
		cmocka_unit_test(without_names_nobody_is_named),
		cmocka_unit_test(groups_are_bounded),
	};

	return cmocka_run_group_tests_name("front_proxy", tests, NULL, NULL);
}
