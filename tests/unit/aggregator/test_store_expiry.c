/* aggregator/store: what is not served any more, and which of two pods of one name is. */
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- expiry ----------------------------------------------------------------------------------- */

static void serves_nothing_older_than_the_expiry(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_give_sample(world, "n", 1, 1, 5);
	toy_wait(world, TOY_EXPIRY_NS - 1);
	toy_expect_pods(world, "ns/p@u a=5; ");
	toy_expect_nodes(world, "n=2005; ");
	store_expire(world->store, world->now_ns);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 1);
	toy_wait(world, 1);
	toy_expect_pods(world, "");
	toy_expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);
	toy_give_sample(world, "n", 1, 1, 6); /* not freed yet */
	toy_expect_pods(world, "ns/p@u a=6; ");
	toy_wait(world, TOY_EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods", NULL), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_containers", NULL), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes_expired_total", NULL), 1);
	toy_expect_pods(world, "");
}

static void catalogs_alone_keep_no_figure_alive(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_give_sample(world, "n", 1, 1, 5);
	toy_wait(world, TOY_EXPIRY_NS - 1);
	toy_give_catalog(world, "n", 2, "ns/p@u a=1");
	toy_expect_pods(world, "ns/p@u a=5; ");
	toy_wait(world, 1);
	store_expire(world->store, world->now_ns);
	toy_expect_pods(world, "");
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 1);
	assert_int_equal(toy_try_catalog(world, "n", 0, ""), -EINVAL); /* no sign of life */
	toy_wait(world, TOY_EXPIRY_NS - 1);
	store_expire(world->store, world->now_ns);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 0);
}

static void expires_each_node_by_itself(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "a", 1, "ns/p@u a=1");
	toy_give_sample(world, "a", 1, 1, 1);
	toy_give_catalog(world, "c", 1, "ns/r@w a=1");
	toy_give_sample(world, "c", 1, 1, 3);
	toy_wait(world, TOY_EXPIRY_NS / 2);
	toy_give_catalog(world, "b", 1, "ns/q@v a=1");
	toy_give_sample(world, "b", 1, 1, 2);
	toy_expect_pods(world, "ns/p@u a=1; ns/q@v a=2; ns/r@w a=3; ");
	toy_wait(world, TOY_EXPIRY_NS / 2);
	toy_expect_pods(world, "ns/q@v a=2; ");
	store_expire(world->store, world->now_ns);
	toy_expect_nodes(world, "b=2002; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes_expired_total", NULL), 2);
}

static void serves_a_sample_from_the_readers_future(void **state)
{
	struct toy_store *world = *state;

	world->now_ns += NS_PER_SECOND; /* the reader looked at its clock before the sample came */
	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_give_sample(world, "n", 1, 1, 5);
	toy_expect_pods(world, "ns/p@u a=5; ");
	store_expire(world->store, TOY_START_NS);
	toy_expect_pods(world, "ns/p@u a=5; ");
}

/* --- pods of one name ------------------------------------------------------------------------- */

static void serves_the_pod_that_was_seen_last(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/db-0@old a=1");
	toy_give_sample(world, "n1", 1, 1, 1);
	toy_wait(world, NS_PER_SECOND);
	toy_give_catalog(world, "n2", 1, "ns/db-0@new a=1");
	toy_expect_pods(world, ""); /* it is the newer one, and has no figures yet */
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_hidden", NULL), 1);
	toy_give_sample(world, "n2", 1, 1, 2);
	toy_expect_pods(world, "ns/db-0@new a=2; ");
	toy_wait(world, NS_PER_SECOND);
	toy_give_catalog(world, "n1", 2, "ns/db-0@old a=1; ns/x@x a=2"); /* seen long before */
	toy_give_sample(world, "n1", 2, 2, 3);
	toy_expect_pods(world, "ns/db-0@new a=2; ns/x@x a=4; ");
	toy_give_catalog(world, "n2", 2, "");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
	toy_expect_pods(world, "ns/db-0@old a=3; ns/x@x a=4; ");
}

static void serves_the_other_pod_when_one_expires(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/p@old a=1");
	toy_wait(world, 1);
	toy_give_catalog(world, "n2", 1, "ns/p@new a=1");
	toy_give_sample(world, "n2", 1, 1, 2);
	toy_wait(world, TOY_EXPIRY_NS - 1);
	toy_give_sample(world, "n1", 1, 1, 1);
	toy_wait(world, 1);
	toy_expect_pods(world, "");
	store_expire(world->store, world->now_ns);
	toy_expect_pods(world, "ns/p@old a=1; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
}

static void breaks_ties_by_uid(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/p@u2 a=1");
	toy_give_catalog(world, "n2", 1, "ns/p@u1 a=1; ns/p@u3 b=1");
	toy_give_sample(world, "n1", 1, 1, 10);
	toy_give_sample(world, "n2", 1, 2, 20);
	toy_expect_pods(world, "ns/p@u1 a=20; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_hidden", NULL), 2);
	toy_give_catalog(world, "n2", 2, "ns/p@u3 b=1");
	toy_expect_pods(world, "ns/p@u2 a=10; ");
	toy_give_catalog(world, "n1", 2, "");
	toy_expect_pods(world, "ns/p@u3 b=21; ");
}

static void bears_one_uid_on_two_nodes(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/p@u a=1");
	toy_give_catalog(world, "n2", 1, "ns/p@u a=1");
	toy_give_sample(world, "n1", 1, 1, 1);
	toy_give_sample(world, "n2", 1, 1, 2);
	toy_expect_pods(world, "ns/p@u a=1; ");
	toy_give_catalog(world, "n1", 2, "ns/p@u a=1"); /* replaced by itself */
	toy_expect_pods(world, "ns/p@u a=1; ");
	toy_give_catalog(world, "n1", 3, "");
	toy_expect_pods(world, "ns/p@u a=2; ");
	toy_give_catalog(world, "n2", 3, "");
	toy_expect_pods(world, "");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
}

static void an_incomplete_newer_pod_hides_the_older(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/p@old a=1");
	toy_give_sample(world, "n1", 1, 1, 1);
	toy_wait(world, 1);
	toy_give_catalog(world, "n2", 1, "ns/p@new! a=1");
	toy_give_sample(world, "n2", 1, 1, 2);
	toy_expect_pods(world, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serves_nothing_older_than_the_expiry),
		TEST(catalogs_alone_keep_no_figure_alive),
		TEST(expires_each_node_by_itself),
		TEST(serves_a_sample_from_the_readers_future),
		TEST(serves_the_pod_that_was_seen_last),
		TEST(serves_the_other_pod_when_one_expires),
		TEST(breaks_ties_by_uid),
		TEST(bears_one_uid_on_two_nodes),
		TEST(an_incomplete_newer_pod_hides_the_older),
	};

	return cmocka_run_group_tests_name("store: expiry", tests, NULL, NULL);
}
