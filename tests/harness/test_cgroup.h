/* Pods and containers as a kubelet makes them, of our own: real cgroups and log folders.
 *
 * They stand in a folder "tacho-integration-<pid>-<n>" of the cgroup v2 tree and, where v2 has no
 * memory controller, at the same path of the v1 memory hierarchy. */
#ifndef TESTS_HARNESS_TEST_CGROUP_H
#define TESTS_HARNESS_TEST_CGROUP_H

#include "tests/harness/scratch.h"

#include <stdbool.h>
#include <stdint.h>

struct test_cgroups;

enum test_driver {
	TEST_DRIVER_SYSTEMD, /* kubepods.slice/kubepods-burstable.slice/…/cri-containerd-<id>.scope
			      */
	TEST_DRIVER_CGROUPFS, /* kubepods/burstable/pod<uid>/<id> */
};

struct test_container {
	char namespace[64];
	char pod[64];
	char name[64];
	char uid[40]; /* the pod's */
	char id[68];
	char path[512];      /* below the v2 mount point and the v1 memory hierarchy */
	char procs_v2[800];  /* files to write a process id to */
	char procs_v1[800];  /* "" where memory is in v2 */
	const char *join[3]; /* both of them, for process_options */
};

/* Log folders go to <scratch>/log. Fails the running cmocka test when cgroups can't be made. */
struct test_cgroups *test_cgroups_new(struct scratch *scratch, enum test_driver driver);

/* Removes all that is left of them; their processes must have ended. NULL is fine. */
void test_cgroups_free(struct test_cgroups *cgroups);

/* For the agent: "--cgroup-root" and "--log-root". */
const char *test_cgroups_root(const struct test_cgroups *cgroups);
const char *test_cgroups_log_root(const struct test_cgroups *cgroups);

/* Makes a container in a pod: a burstable one of this uid, or of a new uid when it is NULL. Its
 * log link is made first, as its name should be known when its cgroup appears. */
void test_container_make(struct test_cgroups *cgroups, const char *namespace, const char *pod,
	const char *uid, const char *name, struct test_container *ret_container);

/* Removes its cgroups and logs, and the pod's when it was the last in it. */
void test_container_remove(struct test_cgroups *cgroups, const struct test_container *container);

/* Independent readings, straight from the kernel's files. */
uint64_t test_container_cpu_usec(
	const struct test_cgroups *cgroups, const struct test_container *container);
uint64_t test_container_working_set(
	const struct test_cgroups *cgroups, const struct test_container *container);

#endif
