/* aggregator/kube/review_json: the questions to the letter, and which answers are believed. */
#include "aggregator/kube/review_json.h"

#include "base/buffer.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_json(char *got, const char *expected)
{
	json_t *a = json_loads(got, 0, NULL), *b = json_loads(expected, 0, NULL);

	assert_non_null(a);
	assert_non_null(b);
	if (!json_equal(a, b))
		fail_msg("%s\nand not\n%s", got, expected);
	json_decref(a);
	json_decref(b);
	free(got);
}

/* --- questions -------------------------------------------------------------------------------- */

static void asks_about_tokens(void **state)
{
	(void)state;
	check_json(review_json_of_token("a.b.c", NULL),
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"token\":\"a.b.c\"}}");
	check_json(review_json_of_token("\"\\\n", "tacho-aggregator"),
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"token\":\"\\\"\\\\\\n\","
		"\"audiences\":[\"tacho-aggregator\"]}}");
	check_json(review_json_of_token("a\xff\xc3", "\xfe"),
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"token\":\"a\\ufffd\\ufffd\","
		"\"audiences\":[\"\\ufffd\"]}}");
}

static struct user jane(void)
{
	struct user user = {0};

	assert_int_equal(user_set_name(&user, "jane"), 0);
	assert_int_equal(user_set_uid(&user, "1-2"), 0);
	assert_int_equal(user_add_group(&user, "a"), 0);
	assert_int_equal(user_add_group(&user, "system:authenticated"), 0);
	assert_int_equal(user_add_extra(&user, "scopes", "x"), 0);
	assert_int_equal(user_add_extra(&user, "other", "o"), 0);
	assert_int_equal(user_add_extra(&user, "scopes", "y"), 0);
	return user;
}

static void asks_about_resources(void **state)
{
	struct user user = jane();
	struct access_attributes attributes = {
		.user = &user,
		.verb = "list",
		.resource_request = true,
		.namespace = "default",
		.group = "metrics.k8s.io",
		.version = "v1beta1",
		.resource = "pods",
		.subresource = "",
		.name = NULL,
		.path = "/not/of/a/resource",
	};

	(void)state;
	check_json(review_json_of_access(&attributes),
		"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"resourceAttributes\":{\"namespace\":\"default\","
		"\"verb\":\"list\",\"group\":\"metrics.k8s.io\",\"version\":\"v1beta1\","
		"\"resource\":\"pods\"},\"user\":\"jane\",\"uid\":\"1-2\",\"groups\":[\"a\","
		"\"system:authenticated\"],\"extra\":{\"scopes\":[\"x\",\"y\"],\"other\":[\"o\"]}}}");
	attributes.subresource = "proxy";
	attributes.name = "p\xff";
	attributes.namespace = NULL;
	user_free(&user);
	assert_int_equal(user_set_name(&user, "system:anonymous"), 0);
	check_json(review_json_of_access(&attributes),
		"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"resourceAttributes\":{\"verb\":\"list\","
		"\"group\":\"metrics.k8s.io\",\"version\":\"v1beta1\",\"resource\":\"pods\","
		"\"subresource\":\"proxy\",\"name\":\"p\\ufffd\"},"
		"\"user\":\"system:anonymous\"}}");
	user_free(&user);
}

static void asks_about_paths(void **state)
{
	struct user user = {0};
	struct access_attributes attributes = {.user = &user, .verb = "get", .path = "/metrics"};

	(void)state;
	assert_int_equal(user_add_group(&user, "\xff"), 0);
	assert_int_equal(user_add_extra(&user, "\xff", "\xfe"), 0);
	assert_int_equal(user_add_extra(&user, "\xff", "z"), 0);
	check_json(review_json_of_access(&attributes),
		"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\","
		"\"metadata\":{},\"spec\":{\"nonResourceAttributes\":{\"path\":\"/metrics\","
		"\"verb\":\"get\"},\"groups\":[\"\\ufffd\"],"
		"\"extra\":{\"\\ufffd\":[\"\\ufffd\",\"z\"]}}}");
	user_free(&user);
}

/* --- answers about tokens --------------------------------------------------------------------- */

#define TOKEN_ANSWER(status)                                                                     \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\",\"metadata\":{}," \
	"\"spec\":{\"token\":\"t\"},\"status\":" status "}"
#define TOKEN_YES(user) TOKEN_ANSWER("{\"authenticated\":true,\"user\":" user "}")

static void believes_who_someone_is(void **state)
{
	static const char TEXT[] = TOKEN_ANSWER(
		"{\"authenticated\":true,\"user\":{\"username\":\"system:serviceaccount:ns:sa\","
		"\"uid\":\"u-1\",\"groups\":[\"system:serviceaccounts\",\"system:authenticated\"],"
		"\"extra\":{\"authentication.kubernetes.io/node-name\":[\"n3\"],\"two\":[\"1\","
		"\"2\"],\"none\":[],\"nil\":null}},\"audiences\":[\"x\",\"tacho-aggregator\"]}");
	struct review_verdict verdict;
	struct error err;

	(void)state;
	assert_int_equal(
		review_json_read_token(TEXT, strlen(TEXT), "tacho-aggregator", &verdict, &err), 0);
	assert_true(verdict.yes);
	assert_string_equal(verdict.reason, "");
	assert_string_equal(verdict.user.name, "system:serviceaccount:ns:sa");
	assert_string_equal(verdict.user.uid, "u-1");
	assert_int_equal(verdict.user.group_count, 2);
	assert_true(user_in_group(&verdict.user, GROUP_AUTHENTICATED));
	assert_int_equal(verdict.user.extra_count, 3);
	assert_string_equal(
		user_extra_value(&verdict.user, "authentication.kubernetes.io/node-name"), "n3");
	user_free(&verdict.user);
}

static void judges_tokens(void **state)
{
	static const struct {
		const char *json, *audience;
		int r;
		bool yes;
		const char *reason; /* or a part of the message */
	} CASES[] = {
		{TOKEN_YES("{\"username\":\"u\"}"), NULL, 0, true, ""},
		{TOKEN_YES("{\"username\":\"u\",\"groups\":null,\"extra\":null,\"uid\":null}"),
			NULL, 0, true, ""},
		{TOKEN_ANSWER("{\"user\":{},\"error\":\"[invalid bearer token]\"}"), NULL, 0, false,
			"[invalid bearer token]"},
		{TOKEN_ANSWER("{}"), NULL, 0, false, ""},
		{TOKEN_ANSWER("{\"authenticated\":false,\"user\":{\"username\":\"u\"}}"), NULL, 0,
			false, ""},
		{TOKEN_YES("{\"username\":\"u\"}"), "aud", 0, false, "not for this audience"},
		{TOKEN_ANSWER("{\"authenticated\":true,\"user\":{\"username\":\"u\"},"
			      "\"audiences\":[\"AUD\",\"au\",\"audi\",7]}"),
			"aud", 0, false, "not for this audience"},
		{TOKEN_ANSWER("{\"authenticated\":true,\"user\":{\"username\":\"u\"},"
			      "\"audiences\":\"aud\"}"),
			"aud", 0, false, "not for this audience"},
		{TOKEN_ANSWER("{\"authenticated\":true}"), NULL, -EINVAL, false, "status.user"},
		{TOKEN_YES("{}"), NULL, -EINVAL, false, "status.user"},
		{TOKEN_YES("[]"), NULL, -EINVAL, false, "status.user"},
		{TOKEN_YES("{\"username\":\"\"}"), NULL, -EINVAL, false, "status.user"},
		{TOKEN_YES("{\"username\":7}"), NULL, -EINVAL, false, "status.user"},
		{TOKEN_YES("{\"username\":\"u\",\"groups\":\"g\"}"), NULL, -EINVAL, false,
			"status.user"},
		{TOKEN_YES("{\"username\":\"u\",\"groups\":[1]}"), NULL, -EINVAL, false,
			"status.user"},
		{TOKEN_YES("{\"username\":\"u\",\"extra\":[]}"), NULL, -EINVAL, false,
			"status.user"},
		{TOKEN_YES("{\"username\":\"u\",\"extra\":{\"k\":\"v\"}}"), NULL, -EINVAL, false,
			"status.user"},
		{TOKEN_YES("{\"username\":\"u\",\"extra\":{\"k\":[{}]}}"), NULL, -EINVAL, false,
			"status.user"},
		{TOKEN_YES("{\"username\":\"u\\u0000root\"}"), NULL, -EINVAL, false, ""},
		{TOKEN_YES("{\"username\":\"u\",\"username\":\"root\"}"), NULL, -EINVAL, false,
			"duplicate"},
		{TOKEN_ANSWER("{\"authenticated\":\"true\"}"), NULL, -EINVAL, false,
			"status.authenticated"},
		{TOKEN_ANSWER("{\"authenticated\":1}"), NULL, -EINVAL, false,
			"status.authenticated"},
		{TOKEN_ANSWER("{\"error\":{}}"), NULL, -EINVAL, false, "status.error"},
		{TOKEN_ANSWER("[]"), NULL, -EINVAL, false, "no TokenReview with a status"},
		{"{\"kind\":\"TokenReview\"}", NULL, -EINVAL, false, "no TokenReview"},
		{"{\"kind\":\"SubjectAccessReview\",\"status\":{\"authenticated\":true,"
		 "\"user\":{\"username\":\"u\"}}}",
			NULL, -EINVAL, false, "no TokenReview"},
		{"{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"u\"}}}", NULL,
			-EINVAL, false, "no TokenReview"},
		{"[]", NULL, -EINVAL, false, "no TokenReview"},
		{"\"TokenReview\"", NULL, -EINVAL, false, ""},
		{"", NULL, -EINVAL, false, ""},
		{"{", NULL, -EINVAL, false, ""},
		{"<html>", NULL, -EINVAL, false, ""},
		{TOKEN_YES("{\"username\":\"u\"}") "x", NULL, -EINVAL, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct review_verdict verdict = {.yes = false};
		struct error err = {{0}};
		int r = review_json_read_token(
			CASES[i].json, strlen(CASES[i].json), CASES[i].audience, &verdict, &err);

		if (r != CASES[i].r || verdict.yes != CASES[i].yes ||
			!strstr(r < 0 ? err.message : verdict.reason, CASES[i].reason))
			fail_msg("%s: %d %d %s", CASES[i].json, r, verdict.yes,
				r < 0 ? err.message : verdict.reason);
		if (!verdict.yes)
			assert_null(verdict.user.name);
		user_free(&verdict.user);
	}
}

/* `count` groups. */
static void check_groups(size_t count, int expected)
{
	struct review_verdict verdict = {0};
	struct buffer text = {0};
	struct error err;

	buffer_append_string(&text, "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true,"
				    "\"user\":{\"username\":\"u\",\"groups\":[\"first\"");
	for (size_t i = 1; i < count; i++)
		buffer_append_string(&text, ",\"g\"");
	buffer_append_string(&text, "]}}}");
	assert_int_equal(
		review_json_read_token(text.data, text.length, NULL, &verdict, &err), expected);
	if (expected == 0)
		assert_int_equal(verdict.user.group_count, count);
	user_free(&verdict.user);
	buffer_free(&text);
}

static void bounds_users(void **state)
{
	(void)state;
	check_groups(USER_MAX_GROUPS, 0);
	check_groups(USER_MAX_GROUPS + 1, -EINVAL);
}

/* --- answers about access --------------------------------------------------------------------- */

#define ACCESS_ANSWER(status)                                                                      \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\",\"status\":" \
	"" status "}"

static void judges_access(void **state)
{
	static const struct {
		const char *json;
		int r;
		bool yes;
		const char *reason;
	} CASES[] = {
		{ACCESS_ANSWER("{\"allowed\":true,\"reason\":\"RBAC: allowed by \\\"x\\\"\"}"), 0,
			true, "RBAC: allowed by \"x\""},
		{ACCESS_ANSWER("{\"allowed\":false}"), 0, false, ""},
		{ACCESS_ANSWER("{\"allowed\":false,\"denied\":true,\"reason\":\"no\"}"), 0, false,
			"no"},
		{ACCESS_ANSWER("{\"allowed\":false,\"evaluationError\":\"x\"}"), 0, false, ""},
		{ACCESS_ANSWER("{\"allowed\":true,\"denied\":false}"), 0, true, ""},
		{ACCESS_ANSWER("{\"allowed\":true,\"denied\":true}"), -EINVAL, false, "at once"},
		{ACCESS_ANSWER("{}"), -EINVAL, false, "status.allowed"},
		{ACCESS_ANSWER("{\"allowed\":null}"), -EINVAL, false, "status.allowed"},
		{ACCESS_ANSWER("{\"allowed\":\"true\"}"), -EINVAL, false, "status.allowed"},
		{ACCESS_ANSWER("{\"allowed\":1}"), -EINVAL, false, "status.allowed"},
		{ACCESS_ANSWER("{\"Allowed\":true}"), -EINVAL, false, "status.allowed"},
		{ACCESS_ANSWER("{\"allowed\":true,\"denied\":0}"), -EINVAL, false, "status.denied"},
		{ACCESS_ANSWER("{\"allowed\":true,\"reason\":[]}"), -EINVAL, false,
			"status.reason"},
		{ACCESS_ANSWER("{\"allowed\":true,\"allowed\":false}"), -EINVAL, false,
			"duplicate"},
		{ACCESS_ANSWER("null"), -EINVAL, false, "no SubjectAccessReview"},
		{"{\"kind\":\"TokenReview\",\"status\":{\"allowed\":true}}", -EINVAL, false,
			"no SubjectAccessReview"},
		{"", -EINVAL, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct review_verdict verdict = {.yes = false};
		struct error err = {{0}};
		int r = review_json_read_access(
			CASES[i].json, strlen(CASES[i].json), &verdict, &err);

		if (r != CASES[i].r || verdict.yes != CASES[i].yes ||
			!strstr(r < 0 ? err.message : verdict.reason, CASES[i].reason))
			fail_msg("%s: %d %d %s", CASES[i].json, r, verdict.yes,
				r < 0 ? err.message : verdict.reason);
	}
}

static void reads_errors(void **state)
{
	static const char STATUS[] = "{\"kind\":\"Status\",\"message\":\"forbidden: x\"}";
	char message[32];

	(void)state;
	review_json_read_status(STATUS, strlen(STATUS), message, sizeof(message));
	assert_string_equal(message, "forbidden: x");
	review_json_read_status(STATUS, strlen(STATUS), message, 5);
	assert_string_equal(message, "forb");
	review_json_read_status("<html>", 6, message, sizeof(message));
	assert_string_equal(message, "");
	review_json_read_status("", 0, message, sizeof(message));
	assert_string_equal(message, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_about_tokens),
		cmocka_unit_test(asks_about_resources),
		cmocka_unit_test(asks_about_paths),
		cmocka_unit_test(believes_who_someone_is),
		cmocka_unit_test(judges_tokens),
		cmocka_unit_test(bounds_users),
		cmocka_unit_test(judges_access),
		cmocka_unit_test(reads_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
