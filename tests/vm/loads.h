/* Pods of one container each, under the kubelet's names, and a load in each of which it is
 * known what the kernel has to count. */
#ifndef TESTS_VM_LOADS_H
#define TESTS_VM_LOADS_H

#include <stdint.h>

#define MIB (1024ULL * 1024)

enum load {
	LOAD_MEMORY, /* holds LOAD_MEMORY_HELD, and held twice as much before */
	LOAD_CACHE,  /* read a file of LOAD_CACHE_READ, in a cgroup inside of its container's scope
		      */
	LOAD_DISK,   /* wrote LOAD_DISK_WRITTEN past the page cache */
	LOAD_WRITER, /* writes LOAD_WRITER_PIECE past the page cache, again and again */
	LOAD_BUSY,   /* a loop that may have a fifth of a CPU */
	LOAD_PIDS,   /* LOAD_PIDS_COUNT processes */
	LOAD_SWAP,   /* holds LOAD_SWAP_HELD, half of which may stay in memory */
	LOAD_COUNT
};

#define LOAD_MEMORY_HELD  (64 * MIB)
#define LOAD_CACHE_READ   (16 * MIB)
#define LOAD_DISK_WRITTEN (8 * MIB)
#define LOAD_WRITER_PIECE (16 * 1024ULL)
#define LOAD_PIDS_COUNT   6
#define LOAD_SWAP_HELD    (32 * MIB)

/* What the kubelet calls LOAD_MEMORY's pod, and the runtime its container. */
#define LOAD_MEMORY_UID "12345678-9abc-def0-1234-56789abcde01"
#define LOAD_MEMORY_ID  "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01"

/* The top that all of them are below. */
#define LOADS_TOP "/kubepods.slice"

/* The container's cgroup. */
const char *load_cgroup(enum load load);
uint64_t load_cgroup_id(enum load load);

/* Starts all loads and returns when each has done what it is for. */
void loads_start(void);
void loads_stop(void);

/* Stops one load and removes the cgroup that its processes were in: for LOAD_CACHE the one inside
 * of the container's, which stays; its page cache stays too. */
void load_remove(enum load load);

#endif
