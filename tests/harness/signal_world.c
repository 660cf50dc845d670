#include "tests/harness/signal_world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 1024

struct signal_world signal_world_open(const struct signal_kind *kind, uint32_t max_cgroups)
{
	struct signal_world world = {.cgroups = source_world_real(), .telemetry = telemetry_new()};
	struct signal_options options = {
		.hierarchy = source_world_hierarchy(world.cgroups),
		.wanted = ~(field_set)0,
		.max_cgroups = max_cgroups,
		.telemetry = world.telemetry,
		.window_ns = SIGNAL_WORLD_WINDOW_NS,
	};
	struct error err;

	options.oom_ledger = world.ledger = oom_ledger_new(world.telemetry);
	world.source = kind->open(&options, &err);
	if (world.source && (!world.source->ops->set_top ||
				    world.source->ops->set_top(world.source,
					    source_world_top(world.cgroups), &err) == 0))
		return world;
	print_message("skipped: %s\n", err.message);
	signal_world_close(&world);
	skip();
	return world;
}

void signal_world_close(struct signal_world *world)
{
	if (world->source)
		world->source->ops->free(world->source);
	oom_ledger_free(world->ledger);
	telemetry_free(world->telemetry);
	source_world_free(world->cgroups);
}

struct cgroup *signal_world_add(struct signal_world *world, const char *name)
{
	struct cgroup *cgroup = source_world_make(world->cgroups, name, true);

	world->source->ops->add(world->source, cgroup);
	return cgroup;
}

void signal_world_remove(struct signal_world *world, struct cgroup *cgroup)
{
	source_world_remove(world->cgroups, cgroup);
	world->source->ops->remove(world->source, cgroup);
	source_world_forget(world->cgroups, cgroup);
}

struct reading signal_world_read(const struct signal_world *world, const struct cgroup *cgroup)
{
	static struct reading readings[SLOTS];

	memset(readings, 0, sizeof(readings));
	world->source->ops->read(world->source, ~(field_set)0, readings, SLOTS);
	return readings[cgroup->slot];
}

uint64_t signal_world_value(
	const struct signal_world *world, const struct cgroup *cgroup, enum field field)
{
	struct reading reading = signal_world_read(world, cgroup);

	assert_true(reading.valid & FIELD_BIT(field));
	assert_true(reading.at_ns > 0);
	return reading.value[field];
}

void signal_world_run(const struct signal_world *world, const struct cgroup *cgroup,
	int (*work)(void *context), void *context)
{
	char path[8192];
	int status, fd;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s%s/cgroup.procs",
		source_world_hierarchy(world->cgroups)->v2, cgroup->path);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(100);
		_exit(work(context));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
