/* aggregator/store with Kubernetes' metadata: which pods and nodes are served, under which names
 * and labels, whatever comes first. */
#include "tests/harness/toy_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- joins ------------------------------------------------------------------------------------ */

/* What a served pod needs; the sample needs the catalog. */
enum part { POD, NODE, CATALOG, SAMPLE, PARTS };

static void give_part(struct toy_store *world, enum part part)
{
	if (part == POD)
		toy_put_pod(world, "ns/web@u app=web");
	else if (part == NODE)
		toy_put_node(world, "n zone=a");
	else if (part == CATALOG)
		toy_give_catalog(world, "n", 1, "other/name@u c=1; ns/stranger@x c=2");
	else
		toy_give_sample(world, "n", 1, 2, 5);
}

static void joins_in_every_order(void **state)
{
	static const enum part ORDERS[][PARTS] = {
		{POD, NODE, CATALOG, SAMPLE},
		{POD, CATALOG, NODE, SAMPLE},
		{POD, CATALOG, SAMPLE, NODE},
		{NODE, POD, CATALOG, SAMPLE},
		{NODE, CATALOG, POD, SAMPLE},
		{NODE, CATALOG, SAMPLE, POD},
		{CATALOG, POD, NODE, SAMPLE},
		{CATALOG, POD, SAMPLE, NODE},
		{CATALOG, NODE, POD, SAMPLE},
		{CATALOG, NODE, SAMPLE, POD},
		{CATALOG, SAMPLE, POD, NODE},
		{CATALOG, SAMPLE, NODE, POD},
	};

	for (size_t order = 0; order < sizeof(ORDERS) / sizeof(ORDERS[0]); order++) {
		struct toy_store *world;

		assert_int_equal(toy_metadata_setup(state), 0);
		world = *state;
		for (int i = 0; i < PARTS; i++) {
			toy_expect_pods(world, "");
			give_part(world, ORDERS[order][i]);
		}
		toy_expect_pods(world, "ns/web@u c=5; ");
		toy_expect_pods_of(world, "ns", "ns/web@u c=5; ");
		toy_expect_pods_of(world, "other", "");
		toy_expect_pod_labels(world, "ns", "web", "app=web ");
		toy_expect_nodes(world, "n=2005; ");
		toy_expect_node_labels(world, "n", "zone=a ");
		assert_int_equal(toy_counted(world, "tacho_aggregator_pods_joined", NULL), 1);
		assert_int_equal(toy_counted(world, "tacho_aggregator_pods", NULL), 2);
		toy_teardown(state);
	}
}

static void what_agents_call_pods_is_nothing(void **state)
{
	struct toy_store *world = *state;
	struct toy_words words = {0};

	toy_put_pod(world, "ns/a@1");
	toy_put_pod(world, "ns/b@2");
	toy_give_node(world, "n", "ns/b@1 c=1; /@2 c=1", 2, 1);
	toy_expect_pods(world, "ns/a@1 c=1; ns/b@2 c=2; ");
	assert_true(store_get_pod(world->store, "ns", "b", toy_say_pod, &words));
	assert_string_equal(words.text, "ns/b@2 c=2; ");
	assert_false(store_get_pod(world->store, "", "", toy_say_pod, &words));
}

static void incomplete_pods_stay_away(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1");
	toy_put_pod(world, "ns/b@2");
	toy_put_pod(world, "ns/c@3");
	toy_give_node(world, "n", "/@1! c=1; /@2 =1; /@3 c=1", 3, 1);
	toy_expect_pods(world, "ns/c@3 c=3; ");
}

static void a_static_pod_is_known_by_two_uids(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "kube-system/etcd-n@mirror:hash tier=control-plane");
	toy_give_node(world, "n", "/@hash c=1; /@mirror c=1", 2, 1);
	toy_expect_pods(world, "kube-system/etcd-n@mirror c=1; ");
	assert_true(store_has_pod(world->store, "mirror"));
	assert_false(store_has_pod(world->store, "hash"));
	toy_remove_pod(world, "kube-system/etcd-n@hash");
	assert_true(store_has_pod(world->store, "mirror"));
	/* the kubelet makes another mirror pod of the same manifest */
	toy_put_pod(world, "kube-system/etcd-n@mirror2:hash tier=control-plane");
	toy_expect_pods(world, "kube-system/etcd-n@mirror2 c=1; ");
	assert_false(store_has_pod(world->store, "mirror"));
	assert_true(store_has_pod(world->store, "mirror2"));
	/* another manifest */
	toy_put_pod(world, "kube-system/etcd-n@mirror2:mirror tier=control-plane");
	toy_expect_pods(world, "kube-system/etcd-n@mirror2 c=2; ");
	toy_remove_pod(world, "kube-system/etcd-n@mirror2");
	toy_expect_pods(world, "");
	assert_false(store_has_pod(world->store, "mirror2"));
}

/* Who makes a pod can write the annotation. */
static void a_pod_can_not_take_anothers_figures(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "evil/thief@t:victim");
	toy_put_pod(world, "evil/later@t2:hash");
	toy_give_node(world, "n", "/@victim c=1; /@hash c=1; /@t c=1", 3, 1);
	toy_expect_pods(world, "evil/later@t2 c=2; evil/thief@t c=1; "); /* nobody else is there */
	toy_put_pod(world, "ns/victim@victim");
	toy_put_pod(world, "ns/second@s:hash");
	toy_expect_pods(world, "evil/later@t2 c=2; ns/victim@victim c=1; ");
	toy_put_pod(world, "evil/thief@t:victim app=x"); /* nor by an update */
	toy_put_pod(world, "evil/later@t2:hash app=x");
	toy_expect_pods(world, "evil/later@t2 c=2; ns/victim@victim c=1; ");
	toy_remove_pod(world, "evil/later@t2");
	toy_remove_pod(world, "ns/victim@victim");
	toy_expect_pods(world, "evil/thief@t c=1; ns/second@s c=2; ");
}

/* --- coming and going ------------------------------------------------------------------------- */

static void a_pod_that_is_deleted_is_gone_at_once(void **state)
{
	struct toy_store *world = *state;
	struct toy_words words = {0};

	toy_put_pod(world, "ns/a@1");
	toy_put_pod(world, "ns/b@2");
	toy_give_node(world, "n", "/@1 c=1; /@2 c=1", 2, 1);
	toy_remove_pod(world, "ns/a@1");
	toy_expect_pods(world, "ns/b@2 c=2; ");
	assert_false(store_get_pod(world->store, "ns", "a", toy_say_pod, &words));
	assert_false(store_has_pod(world->store, "1"));
	assert_true(store_has_pod(world->store, "2"));
	assert_int_equal(toy_counted(world, "tacho_aggregator_metadata_pods", NULL), 1);
	toy_give_sample(world, "n", 1, 2, 11); /* the agent will know soon */
	toy_expect_pods(world, "ns/b@2 c=12; ");
	toy_put_pod(world, "ns/a@1");
	toy_expect_pods(world, "ns/a@1 c=11; ns/b@2 c=12; ");
}

static void removes_only_who_is_meant(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1");
	toy_give_node(world, "n", "/@1 c=1", 1, 1);
	toy_remove_pod(world, "ns/a@2");
	toy_remove_pod(world, "ns/b@1");
	toy_remove_pod(world, "other/a@1");
	toy_remove_pod(world, "/@");
	store_remove_node(world->store, "m");
	store_remove_node(world->store, "");
	toy_expect_pods(world, "ns/a@1 c=1; ");
}

static void a_name_that_is_used_again_is_another_pod(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/db-0@1 app=db");
	toy_give_node(world, "n1", "/@1 c=1", 1, 1);
	toy_put_pod(world, "ns/db-0@2 app=db"); /* moves to another node */
	toy_expect_pods(world, "");
	assert_false(store_has_pod(world->store, "1"));
	toy_give_node(world, "n2", "/@2 c=1", 1, 7);
	toy_expect_pods(world, "ns/db-0@2 c=7; ");
	toy_remove_pod(world, "ns/db-0@1"); /* the news of the old one comes late */
	toy_expect_pods(world, "ns/db-0@2 c=7; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_metadata_pods", NULL), 1);
}

static void catalogs_keep_what_stays_joined(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1");
	toy_put_pod(world, "ns/b@2");
	toy_put_pod(world, "ns/c@3");
	toy_give_node(world, "n", "/@1 c=1; /@2 c=1", 2, 1);
	toy_give_catalog(world, "n", 2, "/@3 c=1; /@2 c=1");
	toy_expect_pods(world, "ns/b@2 c=2; "); /* with its figures; the new one has none yet */
	toy_give_sample(world, "n", 2, 2, 5);
	toy_expect_pods(world, "ns/b@2 c=6; ns/c@3 c=5; ");
	toy_give_catalog(world, "n", 3, "");
	toy_expect_pods(world, "");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_joined", NULL), 0);
}

static void labels_change_under_a_pod(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1 app=x");
	toy_give_node(world, "n", "/@1 c=1", 1, 1);
	toy_expect_pod_labels(world, "ns", "a", "app=x ");
	toy_put_pod(world, "ns/a@1 app=y zone=b");
	toy_expect_pod_labels(world, "ns", "a", "app=y zone=b ");
	toy_expect_having(world, "ns", "app=x", "");
	toy_expect_having(world, "ns", "app=y", "a ");
	toy_put_pod(world, "ns/a@1");
	toy_expect_pod_labels(world, "ns", "a", "");
	toy_put_node(world, "n zone=b");
	toy_expect_node_labels(world, "n", "zone=b ");
	toy_put_node(world, "n");
	toy_expect_node_labels(world, "n", "");
	toy_expect_pods(world, "ns/a@1 c=1; ");
}

static void nodes_come_and_go(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1");
	toy_give_node(world, "n", "/@1 c=1", 1, 1);
	assert_int_equal(store_known_nodes(world->store), 1);
	assert_int_equal(store_served_nodes(world->store), 1);
	store_remove_node(world->store, "n");
	toy_expect_nodes(world, "");
	toy_expect_pods(world, ""); /* a pod is served only on a node that is */
	assert_int_equal(store_known_nodes(world->store), 0);
	assert_int_equal(store_served_nodes(world->store), 0);
	toy_give_catalog(world, "n", 2, "/@1 c=1"); /* the agent is still there */
	toy_give_sample(world, "n", 2, 1, 3);
	toy_expect_nodes(world, "");
	toy_put_node(world, "n");
	toy_expect_nodes(world, "n=2003; ");
	toy_expect_pods(world, "ns/a@1 c=3; ");
	toy_put_node(world, "never-reports");
	assert_int_equal(store_known_nodes(world->store), 2);
	assert_int_equal(toy_counted(world, "tacho_aggregator_metadata_nodes", NULL), 2);
	toy_expect_nodes(world, "n=2003; ");
}

static void expiry_parts_what_was_joined(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1 app=x");
	toy_give_node(world, "n", "/@1 c=1", 1, 1);
	toy_wait(world, TOY_EXPIRY_NS);
	toy_expect_pods(world, "");
	store_expire(world->store, world->now_ns);
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_joined", NULL), 0);
	assert_int_equal(store_totals(world->store).pods, 0);
	assert_true(store_has_pod(world->store, "1"));
	toy_give_node(world, "n", "/@1 c=1", 1, 9);
	toy_expect_pods(world, "ns/a@1 c=9; ");
	toy_expect_node_labels(world, "n", "");
}

/* --- two nodes with one uid ------------------------------------------------------------------- */

static void who_claimed_a_uid_first_is_served(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/a@1");
	toy_give_node(world, "honest", "/@1 c=1", 1, 1);
	toy_give_node(world, "a-rogue", "/@2 c=1; /@1 c=1", 2, 100);
	toy_expect_pods(world, "ns/a@1 c=1; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_contested", NULL), 1);
	toy_give_catalog(world, "honest", 2, "/@3 c=1; /@1 c=1"); /* keeps its place */
	toy_give_sample(world, "honest", 2, 2, 1);
	toy_give_catalog(world, "a-rogue", 2, "/@1 c=1");
	toy_give_sample(world, "a-rogue", 2, 1, 100);
	toy_expect_pods(world, "ns/a@1 c=2; ");
	toy_remove_pod(world, "ns/a@1"); /* and when metadata comes anew */
	toy_put_pod(world, "ns/a@1");
	toy_expect_pods(world, "ns/a@1 c=2; ");
	toy_give_catalog(world, "honest", 3, "/@3 c=1"); /* has it no more */
	toy_expect_pods(world, "ns/a@1 c=100; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_contested", NULL), 0);
	toy_give_catalog(world, "honest", 4, "/@3 c=1; /@1 c=1"); /* comes back: now it is late */
	toy_give_sample(world, "honest", 4, 2, 1);
	toy_expect_pods(world, "ns/a@1 c=100; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_contested", NULL), 1);
	toy_wait(world, TOY_EXPIRY_NS - 1);
	toy_give_sample(world, "honest", 4, 2, 1);
	toy_wait(world, 1);
	store_expire(world->store, world->now_ns);
	toy_expect_pods(world, "ns/a@1 c=2; ");
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_contested", NULL), 0);
}

static void claims_count_from_before_the_metadata(void **state)
{
	struct toy_store *world = *state;

	toy_give_node(world, "b", "/@1 c=1", 1, 1);
	toy_give_node(world, "c", "/@1 c=1", 1, 100);
	toy_give_node(world, "a", "/@1 c=1", 1, 200);
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods_contested", NULL), 2);
	toy_put_pod(world, "ns/a@1");
	toy_expect_pods(world, "ns/a@1 c=1; ");
	toy_give_catalog(world, "b", 2, "");
	toy_expect_pods(world, "ns/a@1 c=100; ");
	toy_give_catalog(world, "c", 2, "");
	toy_expect_pods(world, "ns/a@1 c=200; ");
	toy_give_catalog(world, "a", 2, "");
	toy_expect_pods(world, "");
}

/* --- lists anew ------------------------------------------------------------------------------- */

static void a_list_removes_what_it_does_not_have(void **state)
{
	struct toy_store *world = *state;

	store_end_pods(world->store); /* without a beginning: nothing */
	toy_put_pod(world, "ns/a@1 app=x");
	toy_put_pod(world, "ns/b@2 app=x");
	toy_put_pod(world, "ns/c@3 app=y");
	toy_put_pod(world, "other/a@4 app=x");
	toy_give_node(world, "n", "/@1 c=1; /@2 c=1; /@3 c=1; /@4 c=1; /@5 c=1", 5, 1);
	toy_put_node(world, "m");
	store_begin_pods(world->store);
	store_begin_nodes(world->store);
	toy_expect_pods(world, "ns/a@1 c=1; ns/b@2 c=2; ns/c@3 c=3; other/a@4 c=4; ");
	toy_put_pod(world, "ns/a@1 app=x");
	store_begin_pods(world->store); /* that list failed: the next counts */
	toy_put_pod(world, "ns/c@5 app=z");
	toy_put_pod(world, "ns/b@2 app=x");
	toy_expect_pods(world, "ns/a@1 c=1; ns/b@2 c=2; ns/c@5 c=5; other/a@4 c=4; ");
	store_end_pods(world->store);
	toy_expect_pods(world, "ns/b@2 c=2; ns/c@5 c=5; ");
	toy_put_node(world, "n");
	store_end_nodes(world->store);
	assert_int_equal(store_known_nodes(world->store), 1);
	toy_expect_pods(world, "ns/b@2 c=2; ns/c@5 c=5; ");
	store_end_pods(world->store); /* once more: nothing */
	store_end_nodes(world->store);
	toy_expect_pods(world, "ns/b@2 c=2; ns/c@5 c=5; ");
	store_begin_pods(world->store);
	store_end_pods(world->store);
	store_begin_nodes(world->store);
	store_end_nodes(world->store);
	assert_int_equal(store_known_nodes(world->store), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_metadata_pods", NULL), 0);
	toy_put_pod(world, "ns/a@1");
	toy_put_node(world, "n");
	toy_expect_pods(world, "ns/a@1 c=1; ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_metadata_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_in_every_order),
		TEST(what_agents_call_pods_is_nothing),
		TEST(incomplete_pods_stay_away),
		TEST(a_static_pod_is_known_by_two_uids),
		TEST(a_pod_can_not_take_anothers_figures),
		TEST(a_pod_that_is_deleted_is_gone_at_once),
		TEST(removes_only_who_is_meant),
		TEST(a_name_that_is_used_again_is_another_pod),
		TEST(catalogs_keep_what_stays_joined),
		TEST(labels_change_under_a_pod),
		TEST(nodes_come_and_go),
		TEST(expiry_parts_what_was_joined),
		TEST(who_claimed_a_uid_first_is_served),
		TEST(claims_count_from_before_the_metadata),
		TEST(a_list_removes_what_it_does_not_have),
	};

	return cmocka_run_group_tests_name("store: metadata", tests, NULL, NULL);
}
