/* agent/signal_oom: real OOM kills, each counted once, and none lost with its cgroup. */
#include "agent/signal_oom.h"

#include "agent/source_files.h"
#include "base/clock.h"
#include "tests/harness/signal_world.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT   "16777216"
#define THREADS 4

#define POD       "kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice"
#define POD_UID   "01234567-89ab-cdef-0123-456789abcdef"
#define ID        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define CONTAINER POD "/cri-containerd-" ID ".scope"

static bool hybrid(const struct signal_world *world)
{
	return hierarchy_is_hybrid(source_world_hierarchy(world->cgroups));
}

static void write_text(const struct signal_world *world, const struct cgroup *cgroup,
	const char *file, const char *text)
{
	source_world_write(world->cgroups, cgroup, hybrid(world), file, text, strlen(text));
}

/* A cgroup with little memory. */
static struct cgroup *make(const struct signal_world *world, const char *name)
{
	struct cgroup *cgroup = source_world_make(world->cgroups, name, false);

	write_text(world, cgroup, hybrid(world) ? "memory.limit_in_bytes" : "memory.max", LIMIT);
	if (hybrid(world))
		write_text(world, cgroup, "memory.swappiness", "0");
	else if (source_world_number(
			 world->cgroups, cgroup, false, "memory.swap.current", "", &(uint64_t){0}))
		write_text(world, cgroup, "memory.swap.max", "0");
	return cgroup;
}

static struct cgroup *add(const struct signal_world *world, const char *name)
{
	struct cgroup *cgroup = make(world, name);

	world->source->ops->add(world->source, cgroup);
	return cgroup;
}

static void *use_memory(void *context)
{
	(void)context;
	for (;;) {
		char *piece = mmap(
			NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (piece == MAP_FAILED)
			_exit(2);
		memset(piece, 1, 1 << 20);
	}
}

/* Has a child of several threads that is killed for its memory, and waits until it is. */
static void be_killed(void *context)
{
	int times = *(const int *)context;

	for (int i = 0; i < times; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			pthread_t thread;

			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (int t = 1; t < THREADS; t++)
				(void)pthread_create(&thread, NULL, use_memory, NULL);
			(void)use_memory(NULL);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
			WTERMSIG(status) != SIGKILL)
			_exit(1);
	}
}

static void kill_in(const struct signal_world *world, const struct cgroup *cgroup, int times)
{
	source_world_kill(source_world_run(world->cgroups, cgroup, be_killed, &times));
}

static uint64_t kills(const struct signal_world *world, const struct cgroup *cgroup)
{
	return signal_world_value(world, cgroup, FIELD_OOM_KILLS);
}

/* By the kernel's file. */
static uint64_t filed(const struct signal_world *world, const struct cgroup *cgroup)
{
	uint64_t value;

	assert_true(source_world_number(world->cgroups, cgroup, hybrid(world),
		hybrid(world) ? "memory.oom_control" : "memory.events", "oom_kill", &value));
	return value;
}

static const char *name_app(void *context, const char *pod_uid, const char *container_id)
{
	(void)context;
	(void)container_id;
	return strcmp(pod_uid, POD_UID) == 0 ? "app" : NULL;
}

/* What the ledger says of a new cgroup of the container. */
static uint64_t total_of_next(const struct signal_world *world)
{
	struct cgroup next = {.slot = 900, .pod_uid = POD_UID, .container_id = "next"};
	uint64_t total, before;

	assert_int_equal(oom_ledger_enter(world->ledger, &next, clock_monotonic_ns()), 0);
	oom_ledger_name(world->ledger, name_app, NULL);
	assert_true(oom_ledger_total(world->ledger, &next, clock_monotonic_ns(), &total, &before));
	oom_ledger_leave(world->ledger, &next, clock_monotonic_ns());
	return total;
}

static void a_kill_counts_once(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *killed = add(&world, "killed"), *other = add(&world, "other");

	(void)state;
	assert_int_equal(kills(&world, killed), 0);
	kill_in(&world, killed, 1);
	assert_int_equal(kills(&world, killed), 1);
	assert_int_equal(filed(&world, killed), 1);
	kill_in(&world, killed, 5);
	assert_int_equal(kills(&world, killed), 6);
	assert_int_equal(filed(&world, killed), 6);
	assert_int_equal(kills(&world, other), 0);
	signal_world_close(&world);
}

static void the_files_say_the_same(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *killed = add(&world, "killed");
	struct reading reading = {0};
	struct error err;
	struct source *files = source_files_new(source_world_hierarchy(world.cgroups),
		FIELD_BIT(FIELD_OOM_KILLS), world.telemetry, &err);

	(void)state;
	assert_non_null(files);
	files->ops->add(files, killed);
	kill_in(&world, killed, 2);
	files->ops->read(files, FIELD_BIT(FIELD_OOM_KILLS), &reading, 1);
	assert_true(reading.valid & FIELD_BIT(FIELD_OOM_KILLS));
	assert_int_equal(reading.value[FIELD_OOM_KILLS], 2);
	assert_int_equal(kills(&world, killed), 2);
	files->ops->free(files);
	signal_world_close(&world);
}

static void a_cgroup_below_counts_for_its_container(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *container = add(&world, "container");
	struct cgroup *below = make(&world, "container/below");

	(void)state;
	kill_in(&world, below, 1);
	assert_int_equal(kills(&world, container), 1);
	signal_world_close(&world);
}

/* The kill that is the end of a container: nobody looks between it and the removal. */
static void the_last_kill_is_kept(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *cgroup = add(&world, CONTAINER);

	(void)state;
	memcpy(cgroup->pod_uid, POD_UID, sizeof(POD_UID));
	memcpy(cgroup->container_id, ID, sizeof(ID));
	assert_int_equal(oom_ledger_enter(world.ledger, cgroup, clock_monotonic_ns()), 0);
	kill_in(&world, cgroup, 1);
	source_world_remove(world.cgroups, cgroup);
	world.source->ops->remove(world.source, cgroup);
	oom_ledger_leave(world.ledger, cgroup, clock_monotonic_ns());
	assert_int_equal(total_of_next(&world), 1);
	signal_world_close(&world);
}

/* A cgroup that comes and goes between two looks has a name in the kernel. */
static void a_cgroup_that_nobody_saw_counts_for_its_container(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *other = add(&world, "other"), *cgroup = make(&world, CONTAINER);

	(void)state;
	kill_in(&world, cgroup, 2);
	source_world_remove(world.cgroups, cgroup);
	assert_int_equal(kills(&world, other), 0);
	assert_int_equal(oom_ledger_accounts(world.ledger), 0); /* it may be seen yet */
	assert_int_equal(kills(&world, other), 0);
	assert_int_equal(total_of_next(&world), 2);
	signal_world_close(&world);
}

static void a_cgroup_that_is_seen_late_has_its_kills(void **state)
{
	struct signal_world world = signal_world_open(&signal_oom, 100);
	struct cgroup *other = add(&world, "other"), *cgroup = make(&world, CONTAINER);

	(void)state;
	kill_in(&world, cgroup, 1);
	assert_int_equal(kills(&world, other), 0);
	world.source->ops->add(world.source, cgroup);
	assert_int_equal(kills(&world, cgroup), 1);
	assert_int_equal(kills(&world, cgroup), 1);
	assert_int_equal(oom_ledger_accounts(world.ledger), 0);
	signal_world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_counts_once),
		cmocka_unit_test(the_files_say_the_same),
		cmocka_unit_test(a_cgroup_below_counts_for_its_container),
		cmocka_unit_test(the_last_kill_is_kept),
		cmocka_unit_test(a_cgroup_that_nobody_saw_counts_for_its_container),
		cmocka_unit_test(a_cgroup_that_is_seen_late_has_its_kills),
	};

	return cmocka_run_group_tests_name("signal_oom", tests, NULL, NULL);
}
