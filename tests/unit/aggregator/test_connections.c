/* aggregator/ingest/connections: the table alone, its bound, and who speaks for a node. */
#include "aggregator/ingest/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct address PEER;

static void finds_what_is_open(void **state)
{
	struct connections *connections = connections_new(10);
	size_t count;

	(void)state;
	assert_true(connections_open(connections, 7, &PEER, 100));
	assert_true(connections_open(connections, 8, &PEER, 200));
	assert_null(connections_find(connections, 9));
	assert_int_equal(connections_find(connections, 7)->opened_ns, 100);
	assert_int_equal(connections_find(connections, 8)->opened_ns, 200);
	(void)connections_all(connections, &count);
	assert_int_equal(count, 2);
	connections_free(connections);
}

static void holds_at_most_its_bound(void **state)
{
	struct connections *connections = connections_new(2);
	uint64_t by_peer = 0;

	(void)state;
	assert_true(connections_open(connections, 1, &PEER, 0));
	assert_true(connections_open(connections, 2, &PEER, 0));
	assert_false(connections_open(connections, 3, &PEER, 0));
	assert_null(connections_find(connections, 3));
	connections_gone(connections, 3);
	connections_gone(connections, 1);
	connections_gone(connections, 1); /* once is enough */
	assert_true(connections_open(connections, 4, &PEER, 0));
	assert_false(connections_open(connections, 5, &PEER, 0));
	assert_int_equal(connections_reap(connections, &by_peer), 2);
	assert_int_equal(by_peer, 1);
	connections_free(connections);
}

/* Messages that came before the end are still taken after it. */
static void keeps_who_is_gone_until_reaped(void **state)
{
	struct connections *connections = connections_new(10);
	uint64_t by_peer = 0;

	(void)state;
	assert_true(connections_open(connections, 1, &PEER, 0));
	assert_true(connections_open(connections, 2, &PEER, 0));
	connections_find(connections, 2)->closing = true;
	connections_gone(connections, 1);
	connections_gone(connections, 2);
	assert_non_null(connections_find(connections, 1));
	assert_int_equal(connections_reap(connections, &by_peer), 0);
	assert_int_equal(by_peer, 1); /* the other was our doing */
	assert_null(connections_find(connections, 1));
	connections_free(connections);
}

static void knows_who_speaks_for_a_node(void **state)
{
	struct connections *connections = connections_new(10);
	uint64_t by_peer = 0;
	struct connection *first, *second;

	(void)state;
	assert_true(connections_open(connections, 1, &PEER, 0));
	assert_true(connections_open(connections, 2, &PEER, 0));
	first = connections_find(connections, 1);
	second = connections_find(connections, 2);
	assert_null(connections_of_node(connections, "node-1"));
	assert_int_equal(connections_speak(connections, first, "node-1"), 0);
	assert_ptr_equal(connections_of_node(connections, "node-1"), first);
	assert_null(connections_of_node(connections, "node-10"));
	assert_null(connections_of_node(connections, "node-"));

	connections_silence(connections, first);
	connections_silence(connections, first);
	assert_null(connections_of_node(connections, "node-1"));
	assert_string_equal(first->node, "node-1");
	assert_int_equal(connections_speak(connections, second, "node-1"), 0);
	connections_gone(connections, 1);
	(void)connections_reap(connections, &by_peer);
	assert_ptr_equal(connections_of_node(connections, "node-1"), second);
	connections_gone(connections, 2);
	(void)connections_reap(connections, &by_peer);
	assert_null(connections_of_node(connections, "node-1"));
	connections_free(connections);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_open),
		cmocka_unit_test(holds_at_most_its_bound),
		cmocka_unit_test(keeps_who_is_gone_until_reaped),
		cmocka_unit_test(knows_who_speaks_for_a_node),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
