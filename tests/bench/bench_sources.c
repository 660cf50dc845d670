/* What one look at a cgroup costs, by source: 110 pods of two containers and a sandbox, as real
 * cgroups, in each of which a process does a little ten times a second.
 *
 *	bench_sources [PASSES]        passes of each kind, 50 by default
 *
 * Figures are CPU time of this thread, the median of the passes: so that a busy machine matters
 * little. Two of each: after 100 ms in which the processes ran, when the kernel has per-CPU
 * counters to add up and the caches are cold; and once more right after that. What the second one
 * saves is not the reader's to save. */
#include "agent/bpf_kernel.h"
#include "agent/field_files.h"
#include "agent/reader.h"
#include "agent/source_bpf.h"
#include "agent/source_files.h"
#include "base/clock.h"
#include "tests/harness/source_world.h"

#include "bpf/bare_walk.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PODS        110
#define CGROUPS     (PODS * 3)
#define PASSES_MAX  1000
#define MAX_CGROUPS 4096
#define CPU         FIELD_BIT(FIELD_CPU_USAGE_NS)
#define CPU_AND_MEMORY \
	(CPU | FIELD_BIT(FIELD_MEMORY_USAGE_BYTES) | FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES))

struct bench {
	struct source_world *world;
	struct telemetry *telemetry;
	struct cgroup *cgroups[CGROUPS];
	pid_t pids[CGROUPS];
	struct reading readings[CGROUPS];
	unsigned passes;
};

/* --- the world -------------------------------------------------------------------------------- */

static void do_a_little(int signal)
{
	(void)signal;
	for (volatile int i = 0; i < 5000; i++)
		;
}

static void tick(void *context)
{
	struct itimerval interval = {{0, 100000}, {0, 100000}};

	(void)context;
	(void)signal(SIGALRM, do_a_little);
	(void)setitimer(ITIMER_REAL, &interval, NULL);
}

static void make_world(struct bench *bench)
{
	static const char *const CONTAINERS[] = {"sandbox", "app", "sidecar"};

	bench->world = source_world_real();
	for (int i = 0; i < CGROUPS; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "pod%d/%s", i / 3, CONTAINERS[i % 3]);
		bench->cgroups[i] = source_world_make(bench->world, name, false);
		bench->pids[i] = source_world_run(bench->world, bench->cgroups[i], tick, NULL);
	}
}

static void end_world(struct bench *bench)
{
	for (int i = 0; i < CGROUPS; i++)
		source_world_kill(bench->pids[i]);
	source_world_free(bench->world);
}

/* --- measuring -------------------------------------------------------------------------------- */

static uint64_t thread_cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static uint64_t median(uint64_t *numbers, unsigned count)
{
	qsort(numbers, count, sizeof(numbers[0]), compare_numbers);
	return numbers[count / 2];
}

static void measure_row(
	struct bench *bench, const char *what, void (*pass)(struct bench *, void *), void *context)
{
	static uint64_t first[PASSES_MAX], again[PASSES_MAX];
	uint64_t first_ns;

	pass(bench, context); /* opens what is held open */
	for (unsigned i = 0; i < bench->passes; i++) {
		uint64_t start, middle;

		(void)usleep(100000);
		start = thread_cpu_ns();
		pass(bench, context);
		middle = thread_cpu_ns();
		pass(bench, context);
		again[i] = thread_cpu_ns() - middle;
		first[i] = middle - start;
	}
	first_ns = median(first, bench->passes);
	(void)printf("  %-52s %8.2f %8.2f %10.3f\n", what, (double)first_ns / 1000 / CGROUPS,
		(double)median(again, bench->passes) / 1000 / CGROUPS, (double)first_ns / 1e7);
}

/* --- the ways to read ------------------------------------------------------------------------- */

struct source_pass {
	struct source *source;
	field_set fields;
};

static void read_source(struct bench *bench, void *context)
{
	const struct source_pass *pass = context;

	memset(bench->readings, 0, sizeof(bench->readings));
	pass->source->ops->read(pass->source, pass->fields, bench->readings, CGROUPS);
}

/* A reading that is cheap because it is empty would be no figure. */
static void check_readings(const struct bench *bench, field_set fields, const char *what)
{
	for (int i = 0; i < CGROUPS; i++)
		if ((bench->readings[i].valid & fields) != fields) {
			(void)fprintf(
				stderr, "%s: %s was not read\n", what, bench->cgroups[i]->path);
			exit(1);
		}
}

static void bench_source(struct bench *bench, struct source *source, const char *name)
{
	struct source_pass cpu = {source, CPU}, both = {source, CPU_AND_MEMORY};
	char what[64];

	for (int i = 0; i < CGROUPS; i++)
		source->ops->add(source, bench->cgroups[i]);
	(void)snprintf(what, sizeof(what), "%s: CPU", name);
	measure_row(bench, what, read_source, &cpu);
	check_readings(bench, CPU, what);
	(void)snprintf(what, sizeof(what), "%s: CPU and memory", name);
	measure_row(bench, what, read_source, &both);
	check_readings(bench, CPU_AND_MEMORY, what);
	source->ops->free(source);
}

static void open_read_close(struct bench *bench, void *context)
{
	const struct hierarchy *hierarchy = source_world_hierarchy(bench->world);
	static char text[CGROUP_FILE_MAX];
	struct field_file files[FIELD_FILES_MAX];
	size_t count =
		field_files_of(*(const field_set *)context, hierarchy_is_hybrid(hierarchy), files);

	for (int i = 0; i < CGROUPS; i++)
		for (size_t f = 0; f < count; f++) {
			char path[8192];
			int fd;

			(void)snprintf(path, sizeof(path), "%s%s/%s",
				files[f].memory_v1 ? hierarchy->memory_v1 : hierarchy->v2,
				bench->cgroups[i]->path, files[f].name);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || cgroup_file_read(fd, text) <= 0) {
				perror(path);
				exit(1);
			}
			(void)close(fd);
		}
}

/* A hierarchy to walk bare, and the file of its top by which the kernel adds up the per-CPU
 * counters of all that is below. */
struct bare_tree {
	struct bpf_link *link;
	int flush;
};

struct bare {
	struct bare_tree trees[2];
	int count;
	bool flush;
};

static void walk_bare(struct bench *bench, void *context)
{
	const struct bare *bare = context;
	char nothing;

	(void)bench;
	for (int i = 0; i < bare->count; i++) {
		const struct bare_tree *tree = &bare->trees[i];
		int fd = bpf_iter_create(bpf_link__fd(tree->link));

		if ((bare->flush && pread(tree->flush, &nothing, 1, 0) < 0) || fd < 0 ||
			read(fd, &nothing, 1) < 0) {
			perror("bare iterator");
			exit(1);
		}
		(void)close(fd);
	}
}

static struct bare_tree tie_bare(
	struct bench *bench, struct bare_walk *skeleton, const char *mount, const char *file)
{
	union bpf_iter_link_info info = {.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE};
	LIBBPF_OPTS(
		bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
	struct bare_tree tree;
	char path[8192];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", mount, source_world_top(bench->world));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	info.cgroup.cgroup_fd = (__u32)fd;
	tree.link = bpf_program__attach_iter(skeleton->progs.bare_walk, &options);
	tree.flush = openat(fd, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !tree.link || tree.flush < 0) {
		perror(path);
		exit(1);
	}
	(void)close(fd);
	return tree;
}

static void bench_bare_trees(struct bench *bench, struct bare *bare, const char *what)
{
	char text[64];

	bare->flush = false;
	(void)snprintf(text, sizeof(text), "iterator that only walks: %s", what);
	measure_row(bench, text, walk_bare, bare);
	bare->flush = true;
	(void)snprintf(text, sizeof(text), "iterator that walks, and a flush: %s", what);
	measure_row(bench, text, walk_bare, bare);
}

/* What no reader can do without: the walk, and the flush without which counters are old. On a
 * hybrid host there is a second hierarchy for memory. */
static void bench_bare(struct bench *bench)
{
	const struct hierarchy *hierarchy = source_world_hierarchy(bench->world);
	struct bare_walk *skeleton = bare_walk__open_and_load();
	struct bare bare = {.count = 1};

	if (!skeleton) {
		perror("bare iterator");
		exit(1);
	}
	bare.trees[0] = tie_bare(bench, skeleton, hierarchy->v2, "cpu.stat");
	bench_bare_trees(bench, &bare, "cgroup v2");
	if (hierarchy_is_hybrid(hierarchy)) {
		bare.trees[bare.count++] =
			tie_bare(bench, skeleton, hierarchy->memory_v1, "memory.stat");
		bench_bare_trees(bench, &bare, "v2, v1 memory");
	}
	for (int i = 0; i < bare.count; i++) {
		(void)bpf_link__destroy(bare.trees[i].link);
		(void)close(bare.trees[i].flush);
	}
	bare_walk__destroy(skeleton);
}

static void read_with(struct bench *bench, void *context)
{
	reader_read(context, bench->readings, CGROUPS);
}

/* The whole reader, comparisons aside. */
static void bench_reader(struct bench *bench, enum reader_source source, const char *what)
{
	struct reader_options options = {.hierarchy = source_world_hierarchy(bench->world),
		.source = source,
		.wanted = CPU_AND_MEMORY,
		.max_cgroups = MAX_CGROUPS,
		.telemetry = bench->telemetry};
	struct error err;
	struct reader *reader = reader_new(&options, &err);

	if (!reader) {
		(void)fprintf(stderr, "%s: %s\n", what, err.message);
		exit(1);
	}
	reader_set_top(reader, source_world_top(bench->world));
	for (int i = 0; i < CGROUPS; i++)
		reader_add(reader, bench->cgroups[i]);
	measure_row(bench, what, read_with, reader);
	check_readings(bench, CPU_AND_MEMORY, what);
	reader_free(reader);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	field_set cpu = CPU, both = CPU_AND_MEMORY;
	struct source *bpf;
	struct error err;

	bench.passes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
	if (bench.passes == 0 || bench.passes > PASSES_MAX) {
		(void)fprintf(stderr, "usage: %s [PASSES], 1 to %d\n", argv[0], PASSES_MAX);
		return 2;
	}
	bpf_kernel_quiet();
	bench.telemetry = telemetry_new();
	make_world(&bench);
	(void)printf("Reading %d cgroups of %d pods, CPU time, median of %u passes\n"
		     "  %-52s %8s %8s %10s\n",
		CGROUPS, PODS, bench.passes, "", "us each", "again", "% at 1 Hz");
	bench_bare(&bench);
	bpf = source_bpf_new(source_world_hierarchy(bench.world), source_world_top(bench.world),
		MAX_CGROUPS, bench.telemetry, &err);
	if (!bpf) {
		(void)fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	bench_source(&bench, bpf, "BPF");
	bench_source(&bench,
		source_files_new(source_world_hierarchy(bench.world), both, bench.telemetry, &err),
		"files, pread of held ones");
	measure_row(&bench, "files, open, read, close: CPU", open_read_close, &cpu);
	measure_row(&bench, "files, open, read, close: CPU and memory", open_read_close, &both);
	bench_reader(&bench, READER_SOURCE_BPF, "reader with BPF: CPU and memory");
	bench_reader(&bench, READER_SOURCE_FILES, "reader with files: CPU and memory");
	end_world(&bench);
	telemetry_free(bench.telemetry);
	return 0;
}
