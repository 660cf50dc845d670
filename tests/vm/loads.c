#include "tests/vm/loads.h"

#include "tests/vm/guest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cmocka.h>

#define CACHE_FILE  GUEST_DISK "/cache"
#define DISK_FILE   GUEST_DISK "/direct"
#define WRITER_FILE GUEST_DISK "/again"
#define SWAP_FILE   GUEST_DISK "/swap"
#define SWAP_SIZE   (64 * MIB)
#define PAGE        4096

/* 64 hex digits that end in `last`. */
#define ID(last)  "00112233445566778899aabbccddeeff00112233445566778899aabbccddee" last
#define UID(last) "12345678_9abc_def0_1234_56789abcde" last
#define BURSTABLE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
#define BEST      "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
#define SURE      "/kubepods.slice/kubepods-pod"

static void *memory(size_t size)
{
	void *held = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	guest_need(held != MAP_FAILED, "memory");
	memset(held, 0x5a, size);
	return held;
}

static void hold_memory(const void *argument, int ready)
{
	void *all = memory(LOAD_MEMORY_HELD);

	(void)argument;
	munmap(memory(LOAD_MEMORY_HELD), LOAD_MEMORY_HELD);
	guest_need(all != NULL, "memory");
	guest_ready(ready);
}

static void read_cached(const void *argument, int ready)
{
	char *piece = memory(MIB);
	int fd = open(CACHE_FILE, O_RDONLY | O_CLOEXEC);

	(void)argument;
	guest_need(fd >= 0, CACHE_FILE);
	while (read(fd, piece, MIB) > 0)
		;
	guest_ready(ready);
}

static void write_directly(const void *argument, int ready)
{
	char *piece = memory(MIB);
	int fd = open(DISK_FILE, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);

	(void)argument;
	guest_need(fd >= 0, DISK_FILE);
	for (uint64_t done = 0; done < LOAD_DISK_WRITTEN; done += MIB)
		guest_need(write(fd, piece, MIB) == (ssize_t)MIB, "to write");
	guest_need(fsync(fd) == 0, "to sync");
	guest_ready(ready);
}

static void keep_writing(const void *argument, int ready)
{
	char *piece = memory(LOAD_WRITER_PIECE);
	int fd = open(WRITER_FILE, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);

	(void)argument;
	guest_need(fd >= 0, WRITER_FILE);
	guest_ready(ready);
	for (;;) {
		guest_need(pwrite(fd, piece, LOAD_WRITER_PIECE, 0) == (ssize_t)LOAD_WRITER_PIECE,
			"to write");
		guest_wait_ms(20);
	}
}

static void be_busy(const void *argument, int ready)
{
	volatile unsigned int turns = 0;

	(void)argument;
	guest_ready(ready);
	for (;;)
		turns++;
}

static void be_many(const void *argument, int ready)
{
	(void)argument;
	for (int i = 1; i < LOAD_PIDS_COUNT; i++) {
		pid_t pid = fork();

		guest_need(pid >= 0, "a process");
		while (pid == 0)
			pause();
	}
	guest_ready(ready);
}

static void be_swapped(const void *argument, int ready)
{
	(void)argument;
	guest_need(memory(LOAD_SWAP_HELD) != NULL, "memory");
	guest_ready(ready);
}

static const struct {
	const char *cgroup;
	const char *inside; /* the processes are in this child of it; "" = in it */
	void (*work)(const void *argument, int ready);
} LOADS[LOAD_COUNT] = {
	[LOAD_MEMORY] = {BURSTABLE UID("01") ".slice/cri-containerd-" ID("01") ".scope", "",
		hold_memory},
	[LOAD_CACHE] = {BEST UID("02") ".slice/crio-" ID("02") ".scope", "/container", read_cached},
	[LOAD_DISK] = {SURE UID("03") ".slice/docker-" ID("03") ".scope", "", write_directly},
	[LOAD_WRITER] = {BURSTABLE UID("07") ".slice/cri-containerd-" ID("07") ".scope", "",
		keep_writing},
	[LOAD_BUSY] = {BURSTABLE UID("04") ".slice/cri-containerd-" ID("04") ".scope", "", be_busy},
	[LOAD_PIDS] = {BEST UID("05") ".slice/cri-containerd-" ID("05") ".scope", "", be_many},
	[LOAD_SWAP] = {SURE UID("06") ".slice/crio-" ID("06") ".scope", "", be_swapped},
};

static struct {
	uint64_t id;
	struct guest_load process;
	char inner[512]; /* the cgroup of the processes */
} running[LOAD_COUNT];

/* A file on the disk that is not in memory any more. */
static void make_file(const char *path, uint64_t size)
{
	char *piece = memory(MIB);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (uint64_t done = 0; done < size; done += MIB)
		assert_int_equal(write(fd, piece, MIB), MIB);
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	munmap(piece, MIB);
}

/* What mkswap writes (the kernel's union swap_header): version, last page, and the magic word at
 * the end of the first page. */
static void swap_on(void)
{
	static const char MAGIC[] = "SWAPSPACE2";
	uint32_t info[2] = {1, SWAP_SIZE / PAGE - 1};
	int fd;

	make_file(SWAP_FILE, SWAP_SIZE);
	fd = open(SWAP_FILE, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, (char[PAGE]){0}, PAGE, 0), PAGE);
	assert_int_equal(pwrite(fd, info, sizeof(info), 1024), sizeof(info));
	assert_int_equal(
		pwrite(fd, MAGIC, strlen(MAGIC), PAGE - (off_t)strlen(MAGIC)), strlen(MAGIC));
	assert_int_equal(fsync(fd), 0);
	close(fd);
	assert_int_equal(swapon(SWAP_FILE, 0), 0);
}

const char *load_cgroup(enum load load)
{
	return LOADS[load].cgroup;
}

uint64_t load_cgroup_id(enum load load)
{
	return running[load].id;
}

void loads_start(void)
{
	char half[32];

	make_file(CACHE_FILE, LOAD_CACHE_READ);
	swap_on();
	for (int i = 0; i < LOAD_COUNT; i++) {
		running[i].id = guest_cgroup_make(LOADS[i].cgroup);
		snprintf(running[i].inner, sizeof(running[i].inner), "%s%s", LOADS[i].cgroup,
			LOADS[i].inside);
		guest_cgroup_make(running[i].inner);
	}
	guest_cgroup_write(LOADS[LOAD_BUSY].cgroup, "cpu.max", "20000 100000");
	for (int i = 0; i < LOAD_COUNT; i++)
		running[i].process = guest_load_start(running[i].inner, LOADS[i].work, NULL);

	snprintf(half, sizeof(half), "%llu", LOAD_SWAP_HELD / 2);
	guest_cgroup_write(LOADS[LOAD_SWAP].cgroup, "memory.high", half);
	for (int i = 0; guest_keyed(LOADS[LOAD_BUSY].cgroup, "cpu.stat", "nr_throttled") < 3; i++) {
		if (i == 200)
			fail_msg("the busy loop is not throttled");
		guest_wait_ms(50);
	}
}

void loads_stop(void)
{
	for (int i = 0; i < LOAD_COUNT; i++)
		if (running[i].process.pid > 0)
			guest_load_stop(running[i].process);
}

void load_remove(enum load load)
{
	guest_load_stop(running[load].process);
	running[load].process.pid = 0;
	guest_cgroup_remove(running[load].inner);
}
