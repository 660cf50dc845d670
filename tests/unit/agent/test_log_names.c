/* agent/log_names: folders as the kubelet keeps them, made in /tmp, and folders it would not make.
 */
#include "agent/log_names.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UID_A "0a1b2c3d-1111-2222-3333-444455556666"
#define UID_B "0a1b2c3d-1111-2222-3333-ffffffffffff"
#define HASH  "0123456789abcdef0123456789abcdef"
#define ID_A  HASH HASH
#define ID_B  HASH "ffffffffffffffffffffffffffffffff"

struct world {
	char root[64];
	struct telemetry *telemetry;
	struct log_names *names;
};

static void make(const struct world *world, const char *path)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/%s", world->root, path);
	for (char *slash = full + strlen(world->root) + 1; (slash = strchr(slash, '/'));
		*slash++ = '/') {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
	}
	assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
}

static void link_to(const struct world *world, const char *name, const char *target)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/containers/%s", world->root, name);
	assert_int_equal(symlink(target, full), 0);
}

/* What the kubelet does for a container: the pod's folder, and the link with its name cut. */
static void make_container(const struct world *world, const char *namespace, const char *pod,
	const char *uid, const char *container, const char *id)
{
	char path[4096], link[1024];

	(void)snprintf(path, sizeof(path), "pods/%s_%s_%s/%s", namespace, pod, uid, container);
	make(world, path);
	(void)snprintf(path, sizeof(path), "%s/pods/%s_%s_%s/%s/0.log", world->root, namespace, pod,
		uid, container);
	(void)snprintf(link, sizeof(link), "%s_%s_%s-%s", pod, namespace, container, id);
	memcpy(link + (strlen(link) < 251 ? strlen(link) : 251), ".log", 5);
	link_to(world, link, path);
}

static uint64_t refused(const struct world *world, const char *reason)
{
	return telemetry_get(telemetry_gauge(
		world->telemetry, "tacho_agent_log_names_refused", "", "reason", reason));
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	world->telemetry = telemetry_new();
	(void)snprintf(world->root, sizeof(world->root), "/tmp/tacho-test-XXXXXX");
	if (!world->telemetry || !mkdtemp(world->root))
		return -1;
	make(world, "containers");
	make(world, "pods");
	world->names = log_names_new(world->root, world->telemetry);
	return world->names ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	log_names_free(world->names);
	(void)nftw(world->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

/* Empties the folder of links. */
static int remove_links(const struct world *world)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/containers", world->root);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return mkdir(path, 0700);
}

static void assert_container(
	const struct world *world, const char *uid, const char *id, const char *name)
{
	const char *found = log_names_container(world->names, uid, id);

	if (name) {
		assert_non_null(found);
		assert_string_equal(found, name);
	} else {
		assert_null(found);
	}
}

static void names_pods_and_containers(void **state)
{
	struct world *world = *state;
	const char *namespace = NULL, *pod = NULL;

	make_container(world, "default", "web-0", UID_A, "nginx", ID_A);
	make_container(world, "kube-system", "etcd-n1", HASH, "etcd-a-b", ID_B);
	make(world, "pods/default_starting_" UID_B);
	log_names_refresh(world->names);
	assert_true(log_names_pod(world->names, UID_A, &namespace, &pod));
	assert_string_equal(namespace, "default");
	assert_string_equal(pod, "web-0");
	assert_true(log_names_pod(world->names, HASH, &namespace, &pod));
	assert_string_equal(namespace, "kube-system");
	assert_true(log_names_pod(world->names, UID_B, &namespace, &pod));
	assert_string_equal(pod, "starting");
	assert_false(log_names_pod(world->names, "", &namespace, &pod));
	assert_container(world, UID_A, ID_A, "nginx");
	assert_container(world, HASH, ID_B, "etcd-a-b");
	/* an id of another pod, the sandbox, an unknown pod, nothing */
	assert_container(world, UID_B, ID_A, NULL);
	assert_container(world, UID_A, HASH "00000000000000000000000000000000", NULL);
	assert_container(world, "x", "y", NULL);
	assert_container(world, "", "", NULL);
	/* no name was cut: elimination would name the sandbox */
	assert_null(log_names_remaining(world->names, UID_A, NULL, 0));
	assert_null(log_names_remaining(world->names, "x", NULL, 0));
}

static void forgets_what_is_gone(void **state)
{
	struct world *world = *state;
	const char *namespace, *pod;
	char path[4096];

	make_container(world, "default", "web-0", UID_A, "nginx", ID_A);
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, "nginx");

	/* dangling now, which says as much as before */
	(void)snprintf(path, sizeof(path), "%s/pods", world->root);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, "nginx");
	assert_true(log_names_pod(world->names, UID_A, &namespace, &pod));

	(void)snprintf(path, sizeof(path), "%s/containers", world->root);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	log_names_refresh(world->names);
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, NULL);
	assert_false(log_names_pod(world->names, UID_A, &namespace, &pod));
}

static void takes_links_of_the_nodes_own_path(void **state)
{
	struct world *world = *state;
	const char *namespace, *pod;

	link_to(world, "p_n_c-" ID_A ".log", "/var/log/pods/n_p_" UID_A "/c/3.log");
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, "c");
	assert_true(log_names_pod(world->names, UID_A, &namespace, &pod));
	assert_string_equal(pod, "p");
}

static void passes_over_what_the_kubelet_does_not_write(void **state)
{
	static const struct {
		const char *name, *target, *reason; /* reason NULL: not a link, not counted */
	} CASES[] = {
		{"p_n_c-" ID_A ".log", "/etc/passwd", "outside"},
		{"p_n_c-" ID_A ".log", "../pods/n_p_" UID_A "/c/0.log", "outside"},
		{"p_n_c-" ID_A ".log", "/var/log/podsx/n_p_" UID_A "/c/0.log", "outside"},
		{"p_n_c-" ID_A ".log", "/var/log/pods/../n_p_" UID_A "/c/0.log", "malformed"},
		{"p_n_c-" ID_A ".log", "/var/log/pods/n_p_" UID_A "/c/0.txt", "malformed"},
		{"p_n_c-" ID_A ".log", "/var/log/pods/n_p_" UID_A "/C/0.log", "malformed"},
		{"p_n_c-" ID_A ".log", "/var/log/pods/n_p_zzz/c/0.log", "malformed"},
		{"p_n_c-" ID_A ".log", "/var/log/pods/n_q_" UID_A "/c/0.log", "malformed"},
		{"p_n_c-" ID_A "x.log", "/var/log/pods/n_p_" UID_A "/c/0.log", "malformed"},
		{"p_n_c-" HASH ".log", "/var/log/pods/n_p_" UID_A "/c/0.log", "malformed"},
		{"p_n_c-" ID_A, "/var/log/pods/n_p_" UID_A "/c/0.log", "malformed"},
		{"p\n_n_c-" ID_A ".log", "/var/log/pods/n_p_" UID_A "/c/0.log", "malformed"},
		{"p_n_c-" ID_A ".log", NULL, NULL},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *namespace, *pod;
		char path[4096];

		(void)snprintf(path, sizeof(path), "containers/%s", CASES[i].name);
		if (CASES[i].target)
			link_to(world, CASES[i].name, CASES[i].target);
		else
			make(world, path);
		log_names_refresh(world->names);
		assert_container(world, UID_A, ID_A, NULL);
		assert_false(log_names_pod(world->names, UID_A, &namespace, &pod));
		assert_int_equal(refused(world, "outside") + refused(world, "malformed"),
			CASES[i].reason != NULL);
		if (CASES[i].reason)
			assert_int_equal(refused(world, CASES[i].reason), 1);
		(void)snprintf(path, sizeof(path), "%s/containers/%s", world->root, CASES[i].name);
		assert_int_equal(remove(path), 0);
	}
	make(world, "pods/lost+found");
	make(world, "pods/.hidden");
	make(world, "pods/n_p_" UID_A "_x");
	log_names_refresh(world->names);
	assert_int_equal(refused(world, "malformed"), 2);
}

/* As long as the kubelet can have: "ns_<pod>_<uid>" is a folder's name. */
static const char *longest_pod(char out[256])
{
	size_t length = 255 - strlen("ns__" UID_A);

	memset(out, 'p', length);
	out[length] = '\0';
	return out;
}

/* A container's name that leaves `digits` of the id in the link of the longest pod. */
static const char *container_name(char out[256], char letter, size_t digits)
{
	char pod[256];
	size_t length = 251 - digits - strlen(longest_pod(pod)) - strlen("_ns_-");

	memset(out, letter, length);
	out[length] = '\0';
	return out;
}

static void matches_cut_ids(void **state)
{
	static const size_t DIGITS[] = {8, 9, 20, 30};
	struct world *world = *state;
	char pod[256], a[256];

	for (size_t i = 0; i < sizeof(DIGITS) / sizeof(DIGITS[0]); i++) {
		char uid[] = "0a1b2c3d-1111-2222-3333-00000000000x";

		uid[sizeof(uid) - 2] = (char)('0' + i);
		make_container(world, "ns", longest_pod(pod), uid,
			container_name(a, 'a', DIGITS[i]), ID_A);
		log_names_refresh(world->names);
		assert_container(world, uid, ID_A, a);
		assert_container(world, uid, "ffff" ID_A, NULL);
		assert_container(world, uid, "", NULL);
		assert_container(world, UID_B, ID_A, NULL);
		assert_null(log_names_remaining(world->names, uid, NULL, 0));
		assert_int_equal(refused(world, "malformed"), 0);
		assert_int_equal(remove_links(world), 0);
	}
}

/* Two containers that a cut id can't tell apart have no name, rather than the wrong one. */
static void names_none_when_a_cut_id_says_two(void **state)
{
	struct world *world = *state;
	char pod[256], name[256];

	make_container(world, "ns", longest_pod(pod), UID_A, container_name(name, 'a', 20), ID_A);
	make_container(world, "ns", pod, UID_A, container_name(name, 'b', 21), ID_A);
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, NULL);
}

static void names_the_last_one_by_elimination(void **state)
{
	struct world *world = *state;
	char pod[256], a[256], b[256], path[1024];
	const char *named[] = {NULL, a, b};

	/* Seven digits are as good as none. */
	make_container(world, "ns", longest_pod(pod), UID_A, container_name(a, 'a', 7), ID_A);
	log_names_refresh(world->names);
	assert_container(world, UID_A, ID_A, NULL);
	assert_string_equal(log_names_remaining(world->names, UID_A, NULL, 0), a);
	assert_null(log_names_remaining(world->names, UID_A, named, 2));

	/* One without a link: its name was cut to that of another's. */
	(void)snprintf(
		path, sizeof(path), "pods/ns_%s_%s/%s", pod, UID_A, container_name(b, 'b', 0));
	make(world, path);
	/* One whose id is in its link; one that is none. */
	(void)snprintf(path, sizeof(path), "pods/ns_%s_%s/short", pod, UID_A);
	make(world, path);
	(void)snprintf(path, sizeof(path), "pods/ns_%s_%s/%s X", pod, UID_A, b);
	make(world, path);
	log_names_refresh(world->names);
	assert_null(log_names_remaining(world->names, UID_A, NULL, 0));
	assert_string_equal(log_names_remaining(world->names, UID_A, named, 2), b);
	assert_null(log_names_remaining(world->names, UID_A, named, 3));
}

static void lives_without_folders(void **state)
{
	struct world *world = *state;
	struct log_names *names = log_names_new("/nowhere//", world->telemetry);
	const char *namespace, *pod;

	assert_non_null(names);
	assert_false(log_names_pod(names, UID_A, &namespace, &pod));
	log_names_refresh(names);
	log_names_refresh(names);
	assert_false(log_names_pod(names, UID_A, &namespace, &pod));
	assert_null(log_names_container(names, UID_A, ID_A));
	assert_null(log_names_remaining(names, UID_A, NULL, 0));
	log_names_free(names);
	log_names_free(NULL);
}

static void bounds_links_and_pods(void **state)
{
	struct world *world = *state;
	char name[256], target[256];

	for (int i = 0; i < 5001; i++) {
		(void)snprintf(name, sizeof(name), "pods/n_p_%08x-0000-0000-0000-000000000000", i);
		make(world, name);
	}
	for (int i = 0; i < 20002; i++) {
		(void)snprintf(name, sizeof(name), "p_n_c-%064x.log", i);
		(void)snprintf(target, sizeof(target),
			"/var/log/pods/n_p_%08x-0000-0000-0000-000000000000/c/0.log", i % 4000);
		link_to(world, name, target);
	}
	log_names_refresh(world->names);
	/* One pod too many, and two links; links of the pod that found no room come on top. */
	assert_in_range(refused(world, "limit"), 3, 3 + 6);
	assert_int_equal(refused(world, "malformed"), 0);
	assert_int_equal(telemetry_get(telemetry_gauge(
				 world->telemetry, "tacho_agent_log_pods", "", NULL, NULL)),
		5000);
	assert_in_range(telemetry_get(telemetry_gauge(
				world->telemetry, "tacho_agent_log_links", "", NULL, NULL)),
		20000 - 6, 20000);
}

static uint64_t errors(const struct world *world)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_agent_log_names_errors_total", "", NULL, NULL));
}

/* Names that were known stay when a reading can't be finished. */
static void keeps_names_when_fds_run_short(void **state)
{
	struct world *world = *state;
	struct rlimit before, few;
	char pod[256], name[256];

	make_container(world, "ns", longest_pod(pod), UID_A, container_name(name, 'a', 3), ID_A);
	make_container(world, "ns", "p", UID_B, "c", ID_B);
	log_names_refresh(world->names);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	/* none for any folder; one, which is not enough for a pod's below it */
	for (rlim_t more = 0; more < 2; more++) {
		int lowest = dup(STDERR_FILENO);

		(void)close(lowest);
		few = (struct rlimit){(rlim_t)lowest + more, before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		log_names_refresh(world->names);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(errors(world), more + 1);
		assert_container(world, UID_B, ID_B, "c");
		assert_string_equal(log_names_remaining(world->names, UID_A, NULL, 0), name);
	}
	for (int i = 0; i < 2000; i++)
		log_names_refresh(world->names);
	assert_int_equal(errors(world), 2);
	assert_string_equal(log_names_remaining(world->names, UID_A, NULL, 0), name);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_pods_and_containers),
		TEST(forgets_what_is_gone),
		TEST(takes_links_of_the_nodes_own_path),
		TEST(passes_over_what_the_kubelet_does_not_write),
		TEST(matches_cut_ids),
		TEST(names_none_when_a_cut_id_says_two),
		TEST(names_the_last_one_by_elimination),
		TEST(lives_without_folders),
		TEST(bounds_links_and_pods),
		TEST(keeps_names_when_fds_run_short),
	};

	return cmocka_run_group_tests_name("log_names", tests, NULL, NULL);
}
