#include "tests/harness/export_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void name_cgroup(struct cgroup *cgroup, const char *uid, uint64_t id)
{
	free(cgroup->path);
	cgroup->id = id;
	(void)snprintf(cgroup->pod_uid, sizeof(cgroup->pod_uid), "%s", uid);
	(void)snprintf(cgroup->container_id, sizeof(cgroup->container_id), "%064llx",
		(unsigned long long)id);
	assert_true(asprintf(&cgroup->path, "/kubepods/burstable/pod%s/%s", uid,
			    cgroup->container_id) > 0);
}

static void fill_reading(struct reading *reading, uint32_t row)
{
	*reading = (struct reading){.at_ns = 1, .valid = FIELD_BIT(FIELD_COUNT) - 1};
	for (uint32_t field = 0; field < FIELD_COUNT; field++)
		reading->value[field] = (row + 1) * 1000000000ULL + field;
}

void export_world_make(struct export_world *world, uint32_t pods, uint32_t containers)
{
	uint32_t rows = pods * containers;

	*world = (struct export_world){.pods = pods, .rows = rows};
	world->cgroups = calloc(rows, sizeof(*world->cgroups));
	world->names = calloc(pods, sizeof(*world->names));
	world->uids = calloc(pods, sizeof(*world->uids));
	world->readings = calloc(rows, sizeof(*world->readings));
	world->roster.pods = calloc(pods, sizeof(*world->roster.pods));
	world->roster.rows = calloc(rows, sizeof(*world->roster.rows));
	assert_true(world->cgroups && world->names && world->uids && world->readings &&
		    world->roster.pods && world->roster.rows);
	world->roster.revision = 1;
	world->roster.pod_count = pods;
	world->roster.row_count = rows;
	for (uint32_t p = 0; p < pods; p++) {
		(void)snprintf(world->names[p], sizeof(world->names[p]), "pod-%u", p);
		(void)snprintf(world->uids[p], sizeof(world->uids[p]),
			"%08x-1111-2222-3333-444455556666", p);
		world->roster.pods[p] = (struct roster_pod){.namespace = "shop",
			.name = world->names[p],
			.uid = world->uids[p],
			.first_row = p * containers,
			.rows = containers};
	}
	for (uint32_t r = 0; r < rows; r++) {
		name_cgroup(&world->cgroups[r], world->uids[r / containers], r + 1);
		world->cgroups[r].slot = r;
		world->cgroups[r].created_ns = 1;
		world->roster.rows[r] = (struct roster_row){.cgroup = &world->cgroups[r],
			.container = r % containers ? "proxy" : "app"};
		fill_reading(&world->readings[r], r);
	}
	fill_reading(&world->node, rows);
}

void export_world_free(struct export_world *world)
{
	for (uint32_t r = 0; r < world->rows; r++)
		free(world->cgroups[r].path);
	free(world->cgroups);
	free(world->names);
	free(world->uids);
	free(world->readings);
	free(world->roster.pods);
	free(world->roster.rows);
}

struct export_look export_world_look(const struct export_world *world)
{
	return (struct export_look){
		.roster = &world->roster,
		.readings = world->readings,
		.count = world->rows,
		.node = &world->node,
		.capacity = {.cpus = 4, .memory_bytes = 8589934592, .architecture = "amd64"},
		.timestamp_ms = 1700000000500,
	};
}

void export_world_restart(struct export_world *world, uint32_t row)
{
	struct cgroup *cgroup = &world->cgroups[row];

	name_cgroup(cgroup, world->cgroups[row].pod_uid, cgroup->id + 100000);
	memset(world->readings[row].value, 0, sizeof(world->readings[row].value));
}
