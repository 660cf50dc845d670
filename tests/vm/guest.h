/* What the tests inside of a VM share: cgroups under the kubelet's names, loads in them, and a
 * reading of the kernel's files that has nothing in common with the agent's.
 *
 * Cgroups are named by their path below the v2 root, with a leading slash. Everything here fails
 * the running test when something goes wrong. */
#ifndef TESTS_VM_GUEST_H
#define TESTS_VM_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GUEST_CGROUPS "/sys/fs/cgroup"
#define GUEST_DISK    "/mnt/disk" /* ext4 on a block device of its own, empty at start */

/* Makes the cgroup and what is above it, with every controller. Returns its id: the folder's
 * inode. */
uint64_t guest_cgroup_make(const char *cgroup);

/* Removes the cgroup, which must hold no process, but nothing above it. */
void guest_cgroup_remove(const char *cgroup);

/* Writes `text` into a file of the cgroup. */
void guest_cgroup_write(const char *cgroup, const char *file, const char *text);

/* Stops all processes of the cgroup (or lets them go on) and waits until the kernel says so. */
void guest_cgroup_freeze(const char *cgroup, bool frozen);

bool guest_cgroup_has(const char *cgroup, const char *file);

/* A file that is one number: memory.current. "max" is UINT64_MAX. */
uint64_t guest_number(const char *cgroup, const char *file);

/* The number behind `key` in a file of lines "key number": memory.stat. 0 when there is no such
 * line. */
uint64_t guest_keyed(const char *cgroup, const char *file, const char *key);

/* The sum over all devices of `key` in io.stat; 0 when nothing was read or written yet. */
uint64_t guest_io(const char *cgroup, const char *key);

/* The total of a line ("some", "full") of a pressure file, in microseconds. `path` is a whole one.
 */
uint64_t guest_pressure(const char *path, const char *line);

/* A process that works in a cgroup. */
struct guest_load {
	pid_t pid;
};

/* Starts a process inside of the cgroup that calls work(argument, ready), and waits until it calls
 * guest_ready(ready). It is killed with its children's whole group by guest_load_stop. `work` must
 * not use cmocka's asserts; when it returns, the process waits to be killed. */
struct guest_load guest_load_start(
	const char *cgroup, void (*work)(const void *argument, int ready), const void *argument);
void guest_ready(int ready);
void guest_load_stop(struct guest_load load);

/* Ends a load with a message when `condition` is false; to be used in `work`. */
void guest_need(bool condition, const char *what);

/* Sleeps. */
void guest_wait_ms(unsigned int milliseconds);

#endif
