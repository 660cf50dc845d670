/* Kills are kept when a container restarts, and counted once. */
#include "agent/oom_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND NS_PER_SECOND

struct names {
	struct {
		const char *id, *name;
	} known[8];
};

static const char *name_of(void *context, const char *pod_uid, const char *container_id)
{
	const struct names *names = context;

	(void)pod_uid;
	for (size_t i = 0; i < sizeof(names->known) / sizeof(names->known[0]); i++)
		if (names->known[i].id && strcmp(names->known[i].id, container_id) == 0)
			return names->known[i].name;
	return NULL;
}

struct ledger_test {
	struct telemetry *telemetry;
	struct oom_ledger *ledger;
	struct names names;
	uint64_t now;
	uint64_t before;
};

static void begin(struct ledger_test *test)
{
	*test = (struct ledger_test){.telemetry = telemetry_new(), .now = 1000 * SECOND};
	test->ledger = oom_ledger_new(test->telemetry);
	assert_non_null(test->ledger);
}

static void end(struct ledger_test *test)
{
	oom_ledger_free(test->ledger);
	telemetry_free(test->telemetry);
}

static struct cgroup make(uint32_t slot, const char *uid, const char *id)
{
	struct cgroup cgroup = {.slot = slot};

	(void)snprintf(cgroup.pod_uid, sizeof(cgroup.pod_uid), "%s", uid);
	(void)snprintf(cgroup.container_id, sizeof(cgroup.container_id), "%s", id);
	return cgroup;
}

static void enter(struct ledger_test *test, const struct cgroup *cgroup)
{
	assert_int_equal(oom_ledger_enter(test->ledger, cgroup, test->now), 0);
}

/* A look that finds `kills` in the cgroup. UINT64_MAX = no figure. */
static uint64_t look(struct ledger_test *test, const struct cgroup *cgroup, uint64_t kills)
{
	uint64_t total;

	test->now += SECOND;
	oom_ledger_note(test->ledger, cgroup, kills);
	oom_ledger_name(test->ledger, name_of, &test->names);
	if (!oom_ledger_total(test->ledger, cgroup, test->now, &total, &test->before))
		return UINT64_MAX;
	return total;
}

static void leave(struct ledger_test *test, const struct cgroup *cgroup)
{
	oom_ledger_leave(test->ledger, cgroup, test->now);
}

static void a_restart_keeps_the_kills(void **state)
{
	struct ledger_test test;
	struct cgroup first = make(0, "uid", "one"), second = make(0, "uid", "two");
	struct cgroup third = make(3, "uid", "three");

	(void)state;
	begin(&test);
	test.names = (struct names){{{"one", "app"}, {"two", "app"}, {"three", "app"}}};
	enter(&test, &first);
	assert_int_equal(look(&test, &first, 0), 0);
	assert_int_equal(test.before, 0);
	assert_int_equal(look(&test, &first, 2), 2);
	assert_int_equal(test.before, UINT64_MAX);
	oom_ledger_note(test.ledger, &first, 3); /* the kill that was its end */
	leave(&test, &first);
	enter(&test, &second);
	assert_int_equal(look(&test, &second, 0), 3);
	assert_int_equal(test.before, 2); /* what was said; the rate shows the third */
	assert_int_equal(look(&test, &second, 1), 4);
	leave(&test, &second);
	enter(&test, &third);
	assert_int_equal(look(&test, &third, 0), 4);
	assert_int_equal(test.before, 4);
	assert_int_equal(oom_ledger_accounts(test.ledger), 1);
	end(&test);
}

static void others_have_their_own(void **state)
{
	struct ledger_test test;
	struct cgroup app = make(0, "uid", "one"), side = make(1, "uid", "two");
	struct cgroup other = make(2, "other", "three"), again = make(0, "uid", "four");

	(void)state;
	begin(&test);
	test.names = (struct names){
		{{"one", "app"}, {"two", "side"}, {"three", "app"}, {"four", "app"}}};
	enter(&test, &app);
	enter(&test, &side);
	enter(&test, &other);
	assert_int_equal(look(&test, &app, 5), 5);
	leave(&test, &app);
	enter(&test, &again);
	assert_int_equal(look(&test, &side, 0), 0);
	assert_int_equal(look(&test, &other, 0), 0);
	assert_int_equal(look(&test, &again, 0), 5);
	end(&test);
}

static void nobody_killed_needs_no_account(void **state)
{
	struct ledger_test test;
	struct cgroup cgroup = make(0, "uid", "one");

	(void)state;
	begin(&test);
	enter(&test, &cgroup);
	assert_int_equal(look(&test, &cgroup, 0), 0); /* no name, and none is needed */
	leave(&test, &cgroup);
	assert_int_equal(oom_ledger_accounts(test.ledger), 0);
	end(&test);
}

static void a_name_may_come_late(void **state)
{
	struct ledger_test test;
	struct cgroup first = make(0, "uid", "one"), second = make(1, "uid", "two");

	(void)state;
	begin(&test);
	enter(&test, &first);
	assert_int_equal(look(&test, &first, 4), 4);
	leave(&test, &first);
	enter(&test, &second);
	assert_int_equal(look(&test, &second, 0), UINT64_MAX);
	test.names.known[0].id = "two", test.names.known[0].name = "app";
	assert_int_equal(look(&test, &second, 1), 1);
	/* the first one's name is known only now: what it had comes on top */
	test.names.known[1].id = "one", test.names.known[1].name = "app";
	assert_int_equal(look(&test, &second, 1), 5);
	end(&test);
}

static void without_a_name_the_id_stands_for_it(void **state)
{
	struct ledger_test test;
	struct cgroup first = make(0, "uid", "one"), second = make(1, "uid", "two");

	(void)state;
	begin(&test);
	enter(&test, &first);
	assert_int_equal(look(&test, &first, 4), 4);
	leave(&test, &first);
	enter(&test, &second);
	assert_int_equal(look(&test, &second, 0), UINT64_MAX);
	test.now += OOM_LEDGER_NAMING_NS;
	assert_int_equal(look(&test, &second, 0), 0);
	end(&test);
}

static void a_unit_needs_no_name(void **state)
{
	struct ledger_test test;
	struct cgroup first = make(0, "cgroup-1", ""), second = make(0, "cgroup-1", "");

	(void)state;
	begin(&test);
	enter(&test, &first);
	assert_int_equal(look(&test, &first, 1), 1);
	leave(&test, &first);
	enter(&test, &second);
	assert_int_equal(look(&test, &second, 1), 2);
	end(&test);
}

static void strays_count_for_their_container(void **state)
{
	struct ledger_test test;
	struct cgroup cgroup = make(0, "uid", "two");

	(void)state;
	begin(&test);
	test.names = (struct names){{{"one", "app"}, {"two", "app"}, {"gone", "app"}}};
	oom_ledger_stray(test.ledger, "uid", "one", 1, test.now);
	oom_ledger_stray(test.ledger, "uid", "gone", 1, test.now);
	assert_true(oom_ledger_unnamed(test.ledger));
	enter(&test, &cgroup);
	assert_int_equal(look(&test, &cgroup, 0), 2);
	assert_false(oom_ledger_unnamed(test.ledger));
	assert_int_equal(oom_ledger_accounts(test.ledger), 1); /* they became one */
	oom_ledger_stray(test.ledger, "uid", "one", 1, test.now);
	assert_int_equal(look(&test, &cgroup, 0), 3);
	end(&test);
}

static void a_pod_that_is_gone_is_forgotten(void **state)
{
	struct ledger_test test;
	struct cgroup app = make(0, "uid", "one"), side = make(1, "uid", "two");
	struct cgroup again = make(0, "uid", "three");

	(void)state;
	begin(&test);
	test.names = (struct names){{{"one", "app"}, {"two", "side"}, {"three", "app"}}};
	enter(&test, &app);
	enter(&test, &side);
	assert_int_equal(look(&test, &app, 1), 1);
	leave(&test, &app);
	for (int i = 0; i < 100; i++) { /* the pod is there by its other container */
		test.now += 10 * SECOND;
		oom_ledger_forget(test.ledger, test.now);
	}
	assert_int_equal(oom_ledger_accounts(test.ledger), 1);
	leave(&test, &side);
	test.now += OOM_LEDGER_KEEP_NS;
	oom_ledger_forget(test.ledger, test.now);
	assert_int_equal(oom_ledger_accounts(test.ledger), 1);
	test.now += 20 * SECOND;
	oom_ledger_forget(test.ledger, test.now);
	assert_int_equal(oom_ledger_accounts(test.ledger), 0);
	enter(&test, &again);
	assert_int_equal(look(&test, &again, 0), 0);
	end(&test);
}

static void what_is_beyond_the_bound_is_counted(void **state)
{
	struct ledger_test test;
	char id[16];

	(void)state;
	begin(&test);
	for (int i = 0; i < OOM_LEDGER_MAX + 3; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		oom_ledger_stray(test.ledger, "uid", id, 2, test.now);
	}
	assert_int_equal(oom_ledger_accounts(test.ledger), OOM_LEDGER_MAX);
	assert_int_equal(telemetry_get(telemetry_counter(test.telemetry,
				 "tacho_agent_oom_kills_lost_total", "", NULL, NULL)),
		6);
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_keeps_the_kills),
		cmocka_unit_test(others_have_their_own),
		cmocka_unit_test(nobody_killed_needs_no_account),
		cmocka_unit_test(a_name_may_come_late),
		cmocka_unit_test(without_a_name_the_id_stands_for_it),
		cmocka_unit_test(a_unit_needs_no_name),
		cmocka_unit_test(strays_count_for_their_container),
		cmocka_unit_test(a_pod_that_is_gone_is_forgotten),
		cmocka_unit_test(what_is_beyond_the_bound_is_counted),
	};

	return cmocka_run_group_tests_name("oom_ledger", tests, NULL, NULL);
}
