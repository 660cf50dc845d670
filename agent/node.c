#include "agent/node.h"

#include "agent/cgroup_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The files of /proc/pressure, and the fields of their two lines. */
static const struct pressure {
	const char *name;
	enum field some, full;
} PRESSURES[] = {
	{"cpu", FIELD_PRESSURE_CPU_SOME_NS, FIELD_PRESSURE_CPU_FULL_NS},
	{"memory", FIELD_PRESSURE_MEMORY_SOME_NS, FIELD_PRESSURE_MEMORY_FULL_NS},
	{"io", FIELD_PRESSURE_IO_SOME_NS, FIELD_PRESSURE_IO_FULL_NS},
};
#define PRESSURE_COUNT (sizeof(PRESSURES) / sizeof(PRESSURES[0]))

struct node {
	int cpu_stat, memory_stat, meminfo; /* held open; -1 = absent */
	int pressure[PRESSURE_COUNT];       /* likewise */
	struct node_capacity capacity;
	bool said;                  /* that something can't be read */
	char text[CGROUP_FILE_MAX]; /* of the file that is being read */
};

/* --- /proc/meminfo ("Key:     123 kB", proc(5)) ----------------------------------------------- */

static bool meminfo_bytes(const char *text, size_t length, const char *key, uint64_t *ret_bytes)
{
	const char *line = text, *end = text + length;
	size_t key_length = strlen(key), used;
	uint64_t kib;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end, *at = line + key_length + 1;

		if (at <= stop && memcmp(line, key, key_length) == 0 && line[key_length] == ':') {
			while (at < stop && *at == ' ')
				at++;
			if (number_scan(at, (size_t)(stop - at), &kib, &used) < 0 ||
				__builtin_mul_overflow(kib, 1024, ret_bytes))
				return false;
			return true;
		}
		line = stop + 1;
	}
	return false;
}

static void set(struct reading *reading, enum field field, uint64_t value)
{
	reading->value[field] = value;
	reading->valid |= FIELD_BIT(field);
}

static void memory_of_meminfo(const char *text, size_t length, struct reading *reading)
{
	uint64_t anon, cached, buffers, swap_cached = 0, inactive;

	if (!meminfo_bytes(text, length, "AnonPages", &anon) ||
		!meminfo_bytes(text, length, "Cached", &cached) ||
		!meminfo_bytes(text, length, "Buffers", &buffers) ||
		!meminfo_bytes(text, length, "Inactive(file)", &inactive))
		return;
	(void)meminfo_bytes(text, length, "SwapCached", &swap_cached);
	set(reading, FIELD_MEMORY_USAGE_BYTES, anon + cached + buffers + swap_cached);
	set(reading, FIELD_MEMORY_INACTIVE_FILE_BYTES, inactive);
}

static void swap_of_meminfo(const char *text, size_t length, struct reading *reading)
{
	uint64_t total, unused;

	if (meminfo_bytes(text, length, "SwapTotal", &total) &&
		meminfo_bytes(text, length, "SwapFree", &unused))
		set(reading, FIELD_MEMORY_SWAP_BYTES, total > unused ? total - unused : 0);
}

/* --- the v2 root's files ---------------------------------------------------------------------- */

static void cpu_of_stat(const char *text, size_t length, struct reading *reading)
{
	static const struct cgroup_file_key KEYS[] = {{"usage_usec", 10, false}};
	uint64_t usec, ns;

	if (cgroup_file_flat(text, length, KEYS, 1, &usec).found &&
		!__builtin_mul_overflow(usec, NS_PER_USEC, &ns))
		set(reading, FIELD_CPU_USAGE_NS, ns);
}

static void memory_of_stat(const char *text, size_t length, struct reading *reading)
{
	static const struct cgroup_file_key KEYS[] = {
		{"anon", 4, false}, {"file", 4, false}, {"inactive_file", 13, false}};
	uint64_t values[3];

	if (cgroup_file_flat(text, length, KEYS, 3, values).found != 7)
		return;
	set(reading, FIELD_MEMORY_USAGE_BYTES, values[0] + values[1]);
	set(reading, FIELD_MEMORY_INACTIVE_FILE_BYTES, values[2]);
}

/* --- /proc/pressure --------------------------------------------------------------------------- */

static void of_pressure(
	const struct pressure *pressure, const char *text, size_t length, struct reading *reading)
{
	static const struct cgroup_file_key KEYS[] = {{"some", 4, false}, {"full", 4, false}};
	const enum field fields[] = {pressure->some, pressure->full};
	uint64_t usec[2], ns;
	uint32_t found = cgroup_file_pressure(text, length, KEYS, 2, usec).found;

	for (size_t i = 0; i < 2; i++)
		if (found >> i & 1 && !__builtin_mul_overflow(usec[i], NS_PER_USEC, &ns))
			set(reading, fields[i], ns);
}

static void read_pressure(struct node *node, struct reading *reading)
{
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		ssize_t length = node->pressure[i] < 0
					 ? -ENOENT
					 : cgroup_file_read(node->pressure[i], node->text);

		if (length >= 0)
			of_pressure(&PRESSURES[i], node->text, (size_t)length, reading);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_file(const char *folder, const char *name)
{
	char path[4096 + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The kernel's machine names as Go's GOARCH, which Kubernetes labels nodes with. */
static const char *architecture(void)
{
	static const struct {
		const char *machine, *arch;
	} NAMES[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"ppc64le", "ppc64le"},
		{"s390x", "s390x"}, {"riscv64", "riscv64"}, {"armv7l", "arm"}, {"i686", "386"}};
	struct utsname name;

	if (uname(&name) < 0)
		return "";
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(name.machine, NAMES[i].machine) == 0)
			return NAMES[i].arch;
	return "";
}

struct node *node_new(const struct hierarchy *hierarchy, const char *proc, struct error *err)
{
	struct node *node = calloc(1, sizeof(*node));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	ssize_t length;

	if (!node) {
		(void)error_errno(err, ENOMEM, "opening the node's counters");
		return NULL;
	}
	for (size_t i = 0; i < PRESSURE_COUNT; i++)
		node->pressure[i] = -1;
	node->cpu_stat = open_file(hierarchy->v2, "cpu.stat");
	node->memory_stat =
		hierarchy_is_hybrid(hierarchy) ? -1 : open_file(hierarchy->v2, "memory.stat");
	node->meminfo = open_file(proc, "meminfo");
	length = node->meminfo < 0 ? -errno : cgroup_file_read(node->meminfo, node->text);
	if (length < 0) {
		(void)error_errno(err, (int)-length, "reading %s/meminfo", proc);
		node_free(node);
		return NULL;
	}
	(void)meminfo_bytes(node->text, (size_t)length, "MemTotal", &node->capacity.memory_bytes);
	node->capacity.cpus = cpus > 0 ? (uint32_t)cpus : 1;
	node->capacity.architecture = architecture();
	return node;
}

void node_free(struct node *node)
{
	if (!node)
		return;
	file_close(&node->cpu_stat);
	file_close(&node->memory_stat);
	file_close(&node->meminfo);
	for (size_t i = 0; i < PRESSURE_COUNT; i++)
		file_close(&node->pressure[i]);
	free(node);
}

void node_watch_pressure(struct node *node, const char *proc, field_set fields)
{
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		char name[32], text[128];

		if (!(fields & (FIELD_BIT(PRESSURES[i].some) | FIELD_BIT(PRESSURES[i].full))))
			continue;
		(void)snprintf(name, sizeof(name), "pressure/%s", PRESSURES[i].name);
		node->pressure[i] = open_file(proc, name);
		if (node->pressure[i] < 0)
			log_info("opening %s/%s: %s: the node's pressure on it is absent; a kernel "
				 "may lack it, or want psi=1",
				proc, name, strerror_r(errno, text, sizeof(text)));
	}
}

void node_capacity(const struct node *node, struct node_capacity *ret_capacity)
{
	*ret_capacity = node->capacity;
}

/* Reads `fd` and hands its text to `parse`. */
static void read_file(struct node *node, int fd,
	void (*parse)(const char *text, size_t length, struct reading *reading),
	struct reading *reading)
{
	ssize_t length = fd < 0 ? -ENOENT : cgroup_file_read(fd, node->text);

	if (length >= 0)
		parse(node->text, (size_t)length, reading);
}

void node_read(struct node *node, struct reading *ret_reading)
{
	const field_set expected =
		FIELD_BIT(FIELD_CPU_USAGE_NS) | FIELD_BIT(FIELD_MEMORY_USAGE_BYTES) |
		FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES) | FIELD_BIT(FIELD_MEMORY_SWAP_BYTES);
	struct reading reading = {.at_ns = clock_monotonic_ns()};

	read_file(node, node->cpu_stat, cpu_of_stat, &reading);
	read_file(node, node->memory_stat, memory_of_stat, &reading);
	if (!(reading.valid & FIELD_BIT(FIELD_MEMORY_USAGE_BYTES)))
		read_file(node, node->meminfo, memory_of_meminfo, &reading);
	read_file(node, node->meminfo, swap_of_meminfo, &reading);
	if (reading.valid != expected && !node->said) {
		node->said = true;
		log_warn(
			"the node's own figures are not complete: the root's cpu.stat, memory.stat or "
			"/proc/meminfo can't be read or lacks a line");
	}
	read_pressure(node, &reading);
	*ret_reading = reading;
}
