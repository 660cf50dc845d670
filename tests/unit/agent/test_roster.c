/* agent/roster: who is measured, from folders made like a cgroup tree and the kubelet's logs. */
#include "agent/roster.h"

#include "proto/bounds.h"
#include "proto/tacho.pb-c.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ULL

#define UID_1 "11111111-2222-3333-4444-555555555555"
#define UID_2 "aaaaaaaa-2222-3333-4444-555555555555"

struct world {
	char folder[64];
	struct hierarchy hierarchy;
	struct telemetry *telemetry;
	struct cgroup_tree *tree;
	struct log_names *names;
	struct roster_builder *builder;
};

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

static void make_folder(const struct world *world, const char *path)
{
	char full[1024], *slash;

	(void)snprintf(full, sizeof(full), "%s/%s", world->folder, path);
	for (slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	assert_int_equal(mkdir(full, 0755), 0);
}

/* The id of the n-th container: 64 hex digits. */
static const char *container_id(int n)
{
	static char id[65];

	(void)snprintf(id, sizeof(id), "%08x%056x", 0xabc000 + n, n);
	return id;
}

static void make_container(const struct world *world, const char *uid, int n)
{
	char path[512];

	(void)snprintf(
		path, sizeof(path), "cgroup/kubepods/burstable/pod%s/%s", uid, container_id(n));
	make_folder(world, path);
}

static void make_log(const struct world *world, const char *namespace, const char *pod,
	const char *uid, const char *container, int n)
{
	char path[1024], target[1200], link[256];

	(void)snprintf(path, sizeof(path), "log/pods/%s_%s_%s/%s", namespace, pod, uid, container);
	make_folder(world, path);
	if (n < 0)
		return;
	(void)snprintf(target, sizeof(target), "%s/%s/0.log", world->folder, path);
	/* the kubelet cuts what stands before ".log" so that the whole is 255 characters */
	(void)snprintf(link, 252, "%s_%s_%s-%s", pod, namespace, container, container_id(n));
	(void)snprintf(path, sizeof(path), "%s/log/containers/%s.log", world->folder, link);
	assert_int_equal(symlink(target, path), 0);
}

static void nothing(void *context, struct cgroup *cgroup)
{
	(void)context;
	(void)cgroup;
}

static int setup(void **state)
{
	static struct world world_of_a_test;
	struct world *world = &world_of_a_test;
	const struct cgroup_tree_events events = {.added = nothing, .removed = nothing};
	struct cgroup_tree_options options = {.root = "", .units = true};
	char log_root[80];
	struct error err;

	*world = (struct world){0};
	/* a tmpfs, whose inode numbers grow with time as those of cgroups do */
	(void)strcpy(world->folder, "/dev/shm/tacho-test-roster-XXXXXX");
	if (!mkdtemp(world->folder))
		return -1;
	make_folder(world, "cgroup");
	make_folder(world, "log/pods");
	make_folder(world, "log/containers");
	(void)snprintf(
		world->hierarchy.v2, sizeof(world->hierarchy.v2), "%s/cgroup", world->folder);
	(void)snprintf(log_root, sizeof(log_root), "%s/log", world->folder);
	world->telemetry = telemetry_new();
	options.hierarchy = &world->hierarchy;
	options.telemetry = world->telemetry;
	world->tree = cgroup_tree_new(&options, &events, &err);
	world->names = log_names_new(log_root, world->telemetry);
	world->builder = roster_builder_new(world->names);
	*state = world;
	return world->tree && world->names && world->builder ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *world = *state;

	roster_builder_free(world->builder);
	log_names_free(world->names);
	cgroup_tree_free(world->tree);
	telemetry_free(world->telemetry);
	(void)nftw(world->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static const struct roster *look(struct world *world, uint64_t now_ns)
{
	const struct roster *roster;

	cgroup_tree_mark_changed(world->tree);
	cgroup_tree_refresh(world->tree, now_ns);
	log_names_refresh(world->names);
	roster = roster_build(world->builder, world->tree, now_ns);
	assert_non_null(roster);
	assert_int_not_equal(roster->revision, 0);
	return roster;
}

static void names_pods_and_containers(void **state)
{
	struct world *world = *state;
	const struct roster *roster;

	make_container(world, UID_1, 0); /* the sandbox: the oldest, without a link */
	make_container(world, UID_1, 1);
	make_container(world, UID_1, 2);
	make_log(world, "shop", "web-0", UID_1, "app", 1);
	make_log(world, "shop", "web-0", UID_1, "proxy", 2);
	roster = look(world, 100 * S);
	assert_int_equal(roster->pod_count, 1);
	assert_string_equal(roster->pods[0].namespace, "shop");
	assert_string_equal(roster->pods[0].name, "web-0");
	assert_string_equal(roster->pods[0].uid, UID_1);
	assert_false(roster->pods[0].incomplete);
	assert_int_equal(roster->row_count, 2);
	assert_string_equal(roster->rows[0].container, "app");
	assert_string_equal(roster->rows[1].container, "proxy");
	assert_false(roster->unnamed);
}

static void revision_changes_with_rows_and_names_only(void **state)
{
	struct world *world = *state;
	uint64_t revision;

	make_container(world, UID_1, 1);
	revision = look(world, 100 * S)->revision;
	assert_int_equal(look(world, 101 * S)->revision, revision);
	make_log(world, "shop", "web-0", UID_1, "app", 1);
	assert_int_not_equal(look(world, 102 * S)->revision, revision);
	revision = look(world, 103 * S)->revision;
	make_container(world, UID_2, 2);
	assert_int_not_equal(look(world, 104 * S)->revision, revision);
}

static void unknown_pods_are_sent_by_uid(void **state)
{
	struct world *world = *state;
	const struct roster *roster;

	make_container(world, UID_1, 1);
	roster = look(world, 100 * S);
	assert_int_equal(roster->pod_count, 1);
	assert_string_equal(roster->pods[0].namespace, "");
	assert_string_equal(roster->pods[0].name, "");
	assert_string_equal(roster->pods[0].uid, UID_1);
	assert_int_equal(roster->row_count, 1);
	assert_string_equal(roster->rows[0].container, "");
	assert_string_equal(roster->rows[0].cgroup->container_id, container_id(1));
	assert_true(roster->unnamed);
}

/* A second container that runs before its link is there: the pod would be shown half. */
static void a_young_container_without_a_name_makes_its_pod_incomplete(void **state)
{
	struct world *world = *state;
	const struct roster *roster;
	uint64_t created_ns;

	make_container(world, UID_1, 0);
	make_container(world, UID_1, 1);
	make_log(world, "shop", "web-0", UID_1, "app", 1);
	make_log(world, "shop", "web-0", UID_1, "proxy", -1);
	make_log(world, "shop", "web-0", UID_1, "other", -1);
	(void)look(world, 100 * S);
	make_container(world, UID_1, 2);
	roster = look(world, 101 * S);
	created_ns = cgroup_tree_at(world->tree, 2)->created_ns;
	assert_true(created_ns > 100 * S && created_ns <= 101 * S);
	assert_true(roster->pods[0].incomplete);
	assert_int_equal(roster->row_count, 1);
	assert_true(roster->unnamed);
	/* it never gets a name: then it is none of Kubernetes' */
	roster = look(world, created_ns + ROSTER_NAMING_NS);
	assert_false(roster->pods[0].incomplete);
	assert_int_equal(roster->row_count, 1);
	assert_false(roster->unnamed);
}

/* Names so long that nothing is left of the id in the link's name. */
static void the_only_name_left_is_taken(void **state)
{
	char pod[201], container[61];
	struct world *world = *state;
	const struct roster *roster;

	memset(pod, 'p', sizeof(pod) - 1);
	pod[sizeof(pod) - 1] = '\0';
	memset(container, 'c', sizeof(container) - 1);
	container[sizeof(container) - 1] = '\0';
	make_container(world, UID_1, 0);
	make_container(world, UID_1, 1);
	make_container(world, UID_1, 2);
	make_log(world, "shop", pod, UID_1, "app", 1);
	make_log(world, "shop", pod, UID_1, container, 2);
	roster = look(world, 100 * S);
	assert_int_equal(roster->row_count, 2);
	assert_string_equal(roster->rows[0].container, "app");
	assert_string_equal(roster->rows[1].container, container);
}

static void a_pod_of_a_sandbox_alone_is_not_sent(void **state)
{
	struct world *world = *state;

	make_container(world, UID_1, 0);
	make_log(world, "shop", "web-0", UID_1, "app", -1);
	make_log(world, "shop", "web-0", UID_1, "proxy", -1);
	assert_int_equal(look(world, 100 * S)->pod_count, 0);
}

static void pods_stand_together(void **state)
{
	struct world *world = *state;
	const struct roster *roster;

	make_container(world, UID_2, 1);
	make_container(world, UID_1, 2);
	make_container(world, UID_2, 3);
	roster = look(world, 100 * S);
	assert_int_equal(roster->pod_count, 2);
	assert_string_equal(roster->pods[0].uid, UID_1);
	assert_int_equal(roster->pods[0].rows, 1);
	assert_string_equal(roster->pods[1].uid, UID_2);
	assert_int_equal(roster->pods[1].first_row, 1);
	assert_int_equal(roster->pods[1].rows, 2);
}

static void units_are_pods_of_their_slice(void **state)
{
	struct world *world = *state;
	const struct roster *roster;

	make_folder(world, "cgroup/system.slice/ssh.service");
	make_folder(world, "cgroup/init.scope");
	roster = look(world, 100 * S);
	assert_int_equal(roster->pod_count, 2);
	assert_string_equal(roster->pods[0].namespace, "root");
	assert_string_equal(roster->pods[0].name, "init.scope");
	assert_string_equal(roster->pods[1].namespace, "system.slice");
	assert_string_equal(roster->pods[1].name, "ssh.service");
	assert_int_equal(strncmp(roster->pods[1].uid, "cgroup-", 7), 0);
	assert_string_equal(roster->rows[1].container, "ssh.service");
	assert_false(roster->unnamed);
}

static void an_empty_node_has_an_empty_roster(void **state)
{
	const struct roster *roster = look(*state, 100 * S);

	assert_int_equal(roster->pod_count, 0);
	assert_int_equal(roster->row_count, 0);
}

/* Pods beyond what an aggregator takes are left out whole, and the same ones each time. */
static void leaves_out_what_is_too_much(void **state)
{
	struct world *world = *state;
	const struct roster *roster;
	uint64_t revision;

	for (int i = 0; i < WIRE_MAX_PODS + 2; i++) {
		char uid[64];

		(void)snprintf(uid, sizeof(uid), "%08x-2222-3333-4444-555555555555", i);
		make_container(world, uid, i);
	}
	roster = look(world, S);
	assert_int_equal(roster->pod_count, WIRE_MAX_PODS + 2);
	assert_int_equal(roster->left_out, 0);
	roster_builder_bound(world->builder);
	roster = look(world, S);
	assert_int_equal(roster->pod_count, WIRE_MAX_PODS);
	assert_int_equal(roster->row_count, WIRE_MAX_PODS);
	assert_int_equal(roster->left_out, 2);
	revision = roster->revision;
	assert_int_equal(look(world, 2 * S)->revision, revision);
}

/* No more rows than an aggregator takes; the Catalog of so many is within the bound of a message.
 */
static void leaves_out_what_has_too_many_rows(void **state)
{
	const struct node_capacity capacity = {.architecture = "amd64"};
	struct world *world = *state;
	const struct roster *roster;
	struct buffer message = {0};
	const int count = WIRE_MAX_ROWS + 3 * 16;

	for (int i = 0; i < count; i++) {
		char uid[64];

		(void)snprintf(uid, sizeof(uid), "%08x-2222-3333-4444-555555555555", i / 16);
		make_container(world, uid, i);
	}
	roster = look(world, S);
	assert_int_equal(roster->row_count, count);
	roster_builder_bound(world->builder);
	roster = look(world, S);
	assert_int_equal(roster->left_out, 3);
	assert_int_equal(roster->row_count, WIRE_MAX_ROWS);
	assert_int_equal(roster->pod_count, WIRE_MAX_ROWS / 16);
	roster_encode(roster, &capacity, &message);
	assert_in_range(message.length, WIRE_MAX_ROWS * 64, WIRE_MAX_MESSAGE);
	buffer_free(&message);
}

static void encodes_a_catalog(void **state)
{
	const struct node_capacity capacity = {
		.cpus = 4, .memory_bytes = 1 << 30, .architecture = "amd64"};
	struct world *world = *state;
	const struct roster *roster;
	Tacho__V1__Message *message;
	struct buffer out = {0};

	make_container(world, UID_1, 0);
	make_container(world, UID_1, 1);
	make_container(world, UID_2, 2);
	make_log(world, "shop", "web-0", UID_1, "app", 1);
	roster = look(world, 100 * S);
	roster_encode(roster, &capacity, &out);
	assert_false(out.failed);
	message = tacho__v1__message__unpack(NULL, out.length, (const uint8_t *)out.data);
	assert_non_null(message);
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_CATALOG);
	assert_true(message->catalog->revision == roster->revision);
	assert_int_equal(message->catalog->node->cpu_millicores, 4000);
	assert_int_equal(message->catalog->node->memory_bytes, 1 << 30);
	assert_string_equal(message->catalog->node->architecture, "amd64");
	assert_int_equal(message->catalog->n_pods, 2);
	assert_string_equal(message->catalog->pods[0]->name, "web-0");
	assert_int_equal(message->catalog->pods[0]->n_containers, 1);
	assert_string_equal(message->catalog->pods[0]->containers[0]->name, "app");
	assert_string_equal(message->catalog->pods[0]->containers[0]->id, container_id(1));
	assert_string_equal(message->catalog->pods[1]->uid, UID_2);
	assert_string_equal(message->catalog->pods[1]->containers[0]->id, container_id(2));
	tacho__v1__message__free_unpacked(message, NULL);
	buffer_free(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(names_pods_and_containers),
		TEST(revision_changes_with_rows_and_names_only),
		TEST(unknown_pods_are_sent_by_uid),
		TEST(a_young_container_without_a_name_makes_its_pod_incomplete),
		TEST(the_only_name_left_is_taken),
		TEST(a_pod_of_a_sandbox_alone_is_not_sent),
		TEST(pods_stand_together),
		TEST(units_are_pods_of_their_slice),
		TEST(an_empty_node_has_an_empty_roster),
		TEST(leaves_out_what_is_too_much),
		TEST(leaves_out_what_has_too_many_rows),
		TEST(encodes_a_catalog),
	};

	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
