/* aggregator/access/review_cache and review_key: what is remembered of kube-apiserver's answers. */
#include "aggregator/access/review_cache.h"

#include "aggregator/access/review_key.h"
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct telemetry *telemetry;
static struct review_cache *cache;

#define MAX_BYTES (32U << 20)

static void start_one(size_t max_entries, bool copies)
{
	struct review_cache_options options = {.kind = REVIEW_TOKEN,
		.max_entries = max_entries,
		.max_bytes = MAX_BYTES,
		.copies = copies};

	telemetry = telemetry_new();
	options.telemetry = telemetry;
	cache = review_cache_new(&options);
	assert_non_null(cache);
}

static void start(size_t max_entries)
{
	start_one(max_entries, false);
}

static void stop(void)
{
	review_cache_free(cache);
	telemetry_free(telemetry);
}

static uint64_t figure(const char *name)
{
	return telemetry_get(telemetry_counter(telemetry, name, "", "kind", "token"));
}

static struct review_key key_of(unsigned number)
{
	struct review_key key = {{0}};

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

static void put(unsigned number, bool yes, uint64_t until_ns, uint64_t now_ns)
{
	const struct review_answer answer = {yes, "why", NULL, until_ns};
	struct review_key key = key_of(number);

	review_cache_put(cache, &key, &answer, now_ns);
}

/* 1 yes, 0 no, -1 not there */
static int get(unsigned number, uint64_t now_ns)
{
	struct review_key key = key_of(number);
	struct review_answer answer;

	if (!review_cache_get(cache, &key, now_ns, &answer))
		return -1;
	assert_string_equal(answer.reason, "why");
	return answer.yes;
}

static void answers_are_good_until_their_time(void **state)
{
	(void)state;
	start(10);
	assert_int_equal(get(1, 0), -1);
	put(1, true, 100, 0);
	put(2, false, 50, 0);
	assert_int_equal(get(1, 99), 1);
	assert_int_equal(get(1, 100), -1);
	assert_int_equal(get(1, 99), -1); /* and then it is gone */
	assert_int_equal(get(2, 49), 0);
	assert_int_equal(get(2, 50), -1);
	put(1, true, 100, 0);
	put(1, false, 200, 10); /* in its place */
	assert_int_equal(get(1, 150), 0);
	assert_int_equal(figure("tacho_aggregator_review_cache_entries"), 1);
	assert_int_equal(figure("tacho_aggregator_review_cache_hits_total"), 3);
	assert_int_equal(figure("tacho_aggregator_review_cache_misses_total"), 4);
	assert_int_equal(figure("tacho_aggregator_review_cache_evicted_total"), 0);
	stop();
}

static void the_oldest_is_given_up(void **state)
{
	(void)state;
	start(3);
	for (unsigned i = 0; i < 3; i++)
		put(i, true, 100, 0);
	assert_int_equal(get(0, 1), 1);
	put(3, true, 100, 1);
	assert_int_equal(get(0, 1), -1);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(get(i, 1), 1);
	assert_int_equal(figure("tacho_aggregator_review_cache_evicted_total"), 1);
	put(4, true, 200, 100); /* what has expired makes room without being counted */
	assert_int_equal(figure("tacho_aggregator_review_cache_entries"), 1);
	assert_int_equal(figure("tacho_aggregator_review_cache_evicted_total"), 1);
	stop();
}

static struct user large_user(unsigned groups)
{
	struct user user = {0};
	char group[1000];

	memset(group, 'g', sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	assert_int_equal(user_set_name(&user, "alice"), 0);
	assert_int_equal(user_set_uid(&user, "42"), 0);
	for (unsigned i = 0; i < groups; i++)
		assert_int_equal(user_add_group(&user, group), 0);
	assert_int_equal(user_add_extra(&user, "k", "v"), 0);
	return user;
}

static void bytes_are_bounded_too(void **state)
{
	struct user user = large_user(4000); /* 4 MB */
	const struct review_answer answer = {true, "", &user, 100};
	struct review_answer got;
	struct review_key key;

	(void)state;
	start(1000);
	for (unsigned i = 0; i < 20; i++) {
		key = key_of(i);
		review_cache_put(cache, &key, &answer, 0);
	}
	assert_true(figure("tacho_aggregator_review_cache_entries") < MAX_BYTES / 4000000 + 1);
	assert_true(figure("tacho_aggregator_review_cache_entries") > 4);
	key = key_of(19);
	assert_true(review_cache_get(cache, &key, 0, &got));
	assert_string_equal(got.user->name, "alice");
	assert_int_equal(got.user->group_count, 4000);
	assert_string_equal(got.user->extra[0].value, "v");
	assert_int_equal(got.until_ns, 100);
	user_free(&user);
	stop();
}

/* What is not among the copies is looked for, and counted, where the answers are. */
static void copies_count_no_misses(void **state)
{
	(void)state;
	start_one(10, true);
	assert_int_equal(get(1, 0), -1);
	put(1, true, 100, 0);
	assert_int_equal(get(1, 0), 1);
	assert_int_equal(get(1, 100), -1);
	assert_int_equal(figure("tacho_aggregator_review_cache_hits_total"), 1);
	assert_int_equal(figure("tacho_aggregator_review_cache_misses_total"), 0);
	stop();
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct review_key key_of_token(struct review_keys *keys, const char *token, size_t length)
{
	struct review_key key;

	assert_int_equal(review_key_of_token(keys, token, length, &key), 0);
	return key;
}

static bool same(const struct review_key *a, const struct review_key *b)
{
	return memcmp(a->bytes, b->bytes, REVIEW_KEY_BYTES) == 0;
}

static void keys_are_of_this_process_and_this_token(void **state)
{
	struct review_keys *keys = review_keys_new(), *others = review_keys_new(),
			   *copy = review_keys_copy(keys);
	struct review_key a = key_of_token(keys, "token", 5), b = key_of_token(keys, "tokens", 5),
			  c = key_of_token(keys, "tokens", 6), d = key_of_token(others, "token", 5);

	(void)state;
	assert_true(same(&a, &b));
	assert_false(same(&a, &c));
	assert_false(same(&a, &d));
	/* whoever has a copy finds what the others have put down */
	d = key_of_token(copy, "token", 5);
	assert_true(same(&a, &d));
	review_keys_free(copy);
	review_keys_free(keys);
	review_keys_free(others);
}

static void each_attribute_makes_another_key(void **state)
{
	static char name[] = "alice", uid[] = "1", g1[] = "g1", g2[] = "g2", g12[] = "g1g2",
		    k[] = "k", v[] = "v", kv[] = "kv", empty[] = "";
	static char *two[] = {g1, g2}, *one[] = {g12}, *three[] = {g1, g2, empty};
	static struct user_extra extra[] = {{k, v}}, joined[] = {{kv, empty}};
	static const struct user plain = {.name = name}, with_uid = {.name = name, .uid = uid},
				 with_groups = {.name = name, .groups = two, .group_count = 2},
				 with_group = {.name = name, .groups = one, .group_count = 1},
				 with_three = {.name = name, .groups = three, .group_count = 3},
				 with_extra = {.name = name, .extra = extra, .extra_count = 1},
				 with_joined = {.name = name, .extra = joined, .extra_count = 1};
#define POD(who, ...)                                                                              \
	{                                                                                          \
		.user = (who), .resource_request = true, .verb = "get", .namespace = "ns",         \
		.group = "g", .version = "v1", .resource = "pods", .subresource = "", .name = "p", \
		__VA_ARGS__                                                                        \
	}
	const struct access_attributes each[] = {
		POD(&plain, .path = "/x"),
		POD(&with_uid, .path = NULL),
		POD(&with_groups, .path = NULL),
		POD(&with_group, .path = NULL),
		POD(&with_three, .path = NULL),
		POD(&with_extra, .path = NULL),
		POD(&with_joined, .path = NULL),
		{.user = &plain,
			.resource_request = true,
			.verb = "list",
			.namespace = "ns",
			.group = "g",
			.version = "v1",
			.resource = "pods",
			.name = "p"},
		{.user = &plain,
			.resource_request = true,
			.verb = "get",
			.namespace = "",
			.group = "g",
			.version = "v1",
			.resource = "pods",
			.name = "p"},
		{.user = &plain,
			.resource_request = true,
			.verb = "get",
			.namespace = "ns",
			.group = "gv1",
			.version = "",
			.resource = "pods",
			.name = "p"},
		{.user = &plain,
			.resource_request = true,
			.verb = "get",
			.namespace = "ns",
			.group = "g",
			.version = "v1",
			.resource = "pods",
			.name = "pq"},
		{.user = &plain,
			.resource_request = true,
			.verb = "get",
			.namespace = "ns",
			.group = "g",
			.version = "v1",
			.resource = "pods",
			.subresource = "p"},
		{.user = &plain, .verb = "get", .path = "/x"},
		{.user = &plain, .verb = "get", .path = "/y"},
	};
	enum { COUNT = sizeof(each) / sizeof(each[0]) };
	struct review_keys *keys = review_keys_new();
	struct review_key made[COUNT], again;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(review_key_of_attributes(keys, &each[i], &made[i]), 0);
		assert_int_equal(review_key_of_attributes(keys, &each[i], &again), 0);
		assert_true(same(&made[i], &again));
		for (size_t j = 0; j < i; j++)
			if (same(&made[i], &made[j]))
				fail_msg("%zu and %zu", i, j);
	}
	review_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_good_until_their_time),
		cmocka_unit_test(the_oldest_is_given_up),
		cmocka_unit_test(bytes_are_bounded_too),
		cmocka_unit_test(copies_count_no_misses),
		cmocka_unit_test(keys_are_of_this_process_and_this_token),
		cmocka_unit_test(each_attribute_makes_another_key),
	};

	return cmocka_run_group_tests_name("review_cache", tests, NULL, NULL);
}
