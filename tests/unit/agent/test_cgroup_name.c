/* agent/cgroup_name: the names of both cgroup drivers and of three runtimes, and hostile ones. */
#include "agent/cgroup_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UID       "0a1b2c3d-1111-2222-3333-444455556666"
#define SLICE_UID "0a1b2c3d_1111_2222_3333_444455556666"
#define HASH      "0123456789abcdef0123456789abcdef"
#define ID        HASH HASH

static void knows_kubepods(void **state)
{
	static const struct {
		const char *folder;
		bool is;
	} CASES[] = {
		{"kubepods", true},
		{"kubepods.slice", true},
		{"kubelet-kubepods.slice", true},
		{"a-b-kubepods.slice", true},
		{"", false},
		{".slice", false},
		{"-kubepods.slice", false},
		{"mykubepods.slice", false},
		{"mykubepods", false},
		{"kubelet-kubepods", false},
		{"kubepods-burstable.slice", false},
		{"kubepods.slice.slice", false},
		{"Kubepods.slice", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(cgroup_name_is_kubepods(CASES[i].folder), CASES[i].is);
}

static void knows_qos_levels(void **state)
{
	static const struct {
		const char *folder;
		bool is;
	} CASES[] = {
		{"burstable", true},
		{"besteffort", true},
		{"kubepods-burstable.slice", true},
		{"kubepods-besteffort.slice", true},
		{"kubelet-kubepods-besteffort.slice", true},
		{"guaranteed", false},
		{"kubepods-guaranteed.slice", false},
		{"burstable.slice", false},
		{"-burstable.slice", false},
		{"system-burstable.slice", false},
		{"kubepods-burstable", false},
		{"kubepods-burstable-pod" SLICE_UID ".slice", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(cgroup_name_is_qos(CASES[i].folder), CASES[i].is);
}

static void reads_the_uid_of_a_pod(void **state)
{
	static const struct {
		const char *folder;
		const char *uid; /* NULL: not a pod */
	} CASES[] = {
		{"kubepods-pod" SLICE_UID ".slice", UID},
		{"kubepods-burstable-pod" SLICE_UID ".slice", UID},
		{"kubepods-besteffort-pod" SLICE_UID ".slice", UID},
		{"kubelet-kubepods-besteffort-pod" SLICE_UID ".slice", UID},
		{"a-b-kubepods-pod" SLICE_UID ".slice", UID},
		{"kubepods-burstable-pod" HASH ".slice", HASH},
		{"kubepods-pod" HASH ".slice", HASH},
		{"pod" UID, UID},
		{"pod" HASH, HASH},
		{"pod", NULL},
		{"pod.slice", NULL},
		{"", NULL},
		{"pod" SLICE_UID, NULL},
		{"kubepods-pod" UID ".slice", NULL},
		{"pod" UID "0", NULL},
		{"pod" ID, NULL},
		{"pod0A1B2C3D-1111-2222-3333-444455556666", NULL},
		{"pod0a1b2c3dx1111-2222-3333-444455556666", NULL},
		{"podzzzzzzzz-1111-2222-3333-444455556666", NULL},
		{"pod0a1b2c3d-1111-2222-3333-44445555\x01\x02\x03\x04", NULL},
		{"kubepods-burstable-pod.slice", NULL},
		{"kubepods-burstablepod" SLICE_UID ".slice", NULL},
		{"system-pod" SLICE_UID ".slice", NULL},
		{"-pod" SLICE_UID ".slice", NULL},
		{"pod" SLICE_UID ".slice", NULL},
		{"kubepods-pod" SLICE_UID ".scope", NULL},
		{"kubepods-guaranteed-pod" SLICE_UID ".slice", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char uid[POD_UID_SIZE] = "untouched";

		assert_int_equal(cgroup_name_is_pod(CASES[i].folder, uid), CASES[i].uid != NULL);
		assert_string_equal(uid, CASES[i].uid ? CASES[i].uid : "untouched");
	}
}

static void reads_the_id_of_a_container(void **state)
{
	static const struct {
		const char *folder;
		bool is;
	} CASES[] = {
		{"cri-containerd-" ID ".scope", true},
		{"crio-" ID ".scope", true},
		{"docker-" ID ".scope", true},
		{ID, true},
		{"crio-" ID, true},
		{"crio-conmon-" ID ".scope", false},
		{"crio-conmon-" ID, false},
		{"libpod-" ID ".scope", false},
		{ID ".scope", false},
		{"cri-containerd-" ID, false},
		{"cri-containerd-" ID ".mount", false},
		{"cri-containerd-" ID ".scope.mount", false},
		{"var-lib-" ID ".mount", false},
		{"cri-containerd-" HASH ".scope", false},
		{"cri-containerd-" ID "0.scope", false},
		{"cri-containerd-.scope", false},
		{"x" ID, false},
		{ID "0", false},
		{HASH, false},
		{"0123456789ABCDEF" HASH "0123456789abcdef", false},
		{"0123456789abcde\n" HASH "0123456789abcdef", false},
		{"0123456789abcdeg" HASH "0123456789abcdef", false},
		{"container", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char id[CONTAINER_ID_SIZE] = "untouched";

		assert_int_equal(cgroup_name_is_container(CASES[i].folder, id), CASES[i].is);
		assert_string_equal(id, CASES[i].is ? ID : "untouched");
	}
}

static void holds_out_against_the_longest_names(void **state)
{
	char folder[4096], uid[POD_UID_SIZE], id[CONTAINER_ID_SIZE];

	(void)state;
	memset(folder, 'a', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	assert_false(cgroup_name_is_pod(folder, uid));
	assert_false(cgroup_name_is_container(folder, id));
	memcpy(folder, "pod", 3);
	assert_false(cgroup_name_is_pod(folder, uid));
	memcpy(folder, "crio-", 5);
	assert_false(cgroup_name_is_container(folder, id));
	memcpy(folder + sizeof(folder) - 1 - strlen(".scope"), ".scope", strlen(".scope"));
	assert_false(cgroup_name_is_container(folder, id));
}

static void parses_bare_uids_and_ids(void **state)
{
	char uid[POD_UID_SIZE], id[CONTAINER_ID_SIZE];

	(void)state;
	assert_true(cgroup_name_parse_uid(UID "_rest", strlen(UID), uid));
	assert_string_equal(uid, UID);
	assert_false(cgroup_name_parse_uid(SLICE_UID, strlen(SLICE_UID), uid));
	assert_false(cgroup_name_parse_uid(UID, strlen(UID) - 1, uid));
	assert_false(cgroup_name_parse_uid("", 0, uid));
	assert_true(cgroup_name_parse_id(ID ".log", strlen(ID), id));
	assert_string_equal(id, ID);
	assert_false(cgroup_name_parse_id(ID, strlen(ID) - 1, id));
}

static void knows_units_and_slices(void **state)
{
	static const struct {
		const char *folder;
		bool unit, slice, top_level;
	} CASES[] = {
		{"ssh.service", true, false, true},
		{"init.scope", true, false, true},
		{"user@1000.service", true, false, true},
		{"session-1.scope", true, false, true},
		{"system.slice", false, true, false},
		{"docker", false, false, true},
		{"dev-hugepages.mount", false, false, false},
		{"dbus.socket", false, false, false},
		{"dev-sda2.swap", false, false, false},
		{"proc-sys-fs.automount", false, false, false},
		{".service", false, false, true},
		{"", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(cgroup_name_is_unit(CASES[i].folder), CASES[i].unit);
		assert_int_equal(cgroup_name_is_slice(CASES[i].folder), CASES[i].slice);
		assert_int_equal(cgroup_name_is_top_level(CASES[i].folder), CASES[i].top_level);
	}
}

static void writes_units_so_that_they_can_be_shown(void **state)
{
	static const struct {
		const char *folder, *name;
	} CASES[] = {
		{"ssh.service", "ssh.service"},
		{"dev-disk-by\\x2duuid.service", "dev-disk-by\\x2duuid.service"},
		{"!~", "!~"},
		{"", ""},
		{"a b", "a\\x20b"},
		{"a\tb\x7f", "a\\x09b\\x7f"},
		{"50%/x", "50\\x25\\x2fx"},
		{"caf\xc3\xa9", "caf\\xc3\\xa9"},
	};
	char name[CGROUP_UNIT_NAME_SIZE], folder[256];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		cgroup_name_of_unit(CASES[i].folder, name);
		assert_string_equal(name, CASES[i].name);
	}
	memset(folder, 'u', 255);
	folder[255] = '\0';
	cgroup_name_of_unit(folder, name);
	assert_int_equal(strlen(name), 253);
	memset(folder, '\n', 255); /* four characters each, and none cut in half */
	cgroup_name_of_unit(folder, name);
	assert_int_equal(strlen(name), 252);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_kubepods),
		cmocka_unit_test(knows_qos_levels),
		cmocka_unit_test(reads_the_uid_of_a_pod),
		cmocka_unit_test(reads_the_id_of_a_container),
		cmocka_unit_test(holds_out_against_the_longest_names),
		cmocka_unit_test(parses_bare_uids_and_ids),
		cmocka_unit_test(knows_units_and_slices),
		cmocka_unit_test(writes_units_so_that_they_can_be_shown),
	};

	return cmocka_run_group_tests_name("cgroup_name", tests, NULL, NULL);
}
