#include "agent/bpf_walk.h"

#include "agent/bpf_kernel.h"
#include "base/file.h"

#include "bpf/cgroup_stat_cgroup.skel.h"
#include "bpf/cgroup_stat_css.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct bpf_walk {
	struct bpf_object *object;
	struct bpf_program *program;
	struct cgroup_stat_pass *pass;      /* the program's global variable */
	struct cgroup_stat_record *records; /* capacity of them */
	uint32_t capacity;
};

/* The object that fits this kernel: see bpf/kernel_versions.h. */
static struct bpf_object *open_object(struct error *err)
{
	static const char *const FLUSH_FUNCTIONS[] = {"css_rstat_flush", "cgroup_rstat_flush"};
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "cgroup_stat");
	struct bpf_object *object;
	const void *bytes;
	size_t size;
	int variant = bpf_kernel_find_function(FLUSH_FUNCTIONS, 2, err);

	if (variant < 0)
		return NULL;
	bytes = variant == 0 ? cgroup_stat_css__elf_bytes(&size)
			     : cgroup_stat_cgroup__elf_bytes(&size);
	object = bpf_object__open_mem(bytes, size, &options);
	if (!object)
		error_errno(err, errno, "opening the BPF program cgroup_stat");
	return object;
}

/* Maps the values of an array map. */
static int map_values(const struct bpf_map *map, size_t size, int protection, void **ret_values,
	struct error *err)
{
	void *values = mmap(NULL, size, protection, MAP_SHARED, bpf_map__fd(map), 0);

	if (values == MAP_FAILED)
		return error_errno(err, errno, "mapping %zu bytes of the BPF map %s", size,
			bpf_map__name(map));
	*ret_values = values;
	return 0;
}

static size_t records_size(const struct bpf_walk *walk)
{
	return walk->capacity * sizeof(struct cgroup_stat_record);
}

static int load(struct bpf_walk *walk, struct error *err)
{
	struct bpf_map *records, *globals;
	void *values;
	int r;

	walk->object = open_object(err);
	if (!walk->object)
		return -1;
	walk->program = bpf_object__find_program_by_name(walk->object, "cgroup_stat");
	records = bpf_object__find_map_by_name(walk->object, "records");
	globals = bpf_object__find_map_by_name(walk->object, ".bss");
	if (!walk->program || !records || !globals)
		return error_set(err, EINVAL, "the BPF object cgroup_stat lacks a part");
	r = bpf_map__set_max_entries(records, walk->capacity);
	if (r == 0)
		r = bpf_object__load(walk->object);
	if (r < 0)
		return bpf_kernel_explain(-r, "loading the BPF program cgroup_stat", err);
	r = map_values(globals, sizeof(*walk->pass), PROT_READ | PROT_WRITE, &values, err);
	if (r < 0)
		return r;
	walk->pass = values;
	r = map_values(records, records_size(walk), PROT_READ, &values, err);
	if (r < 0)
		return r;
	walk->records = values;
	return 0;
}

struct bpf_walk *bpf_walk_new(uint32_t capacity, struct error *err)
{
	struct bpf_walk *walk = calloc(1, sizeof(*walk));
	int r = -ENOMEM;

	bpf_kernel_quiet();
	if (walk) {
		walk->capacity = capacity > 0 ? capacity : 1;
		r = load(walk, err);
	} else {
		error_errno(err, ENOMEM, "loading the BPF program cgroup_stat");
	}
	/* Reading the kernel's types took megabytes of small pieces, all free again by now. */
	(void)malloc_trim(0);
	if (r == 0)
		return walk;
	bpf_walk_free(walk);
	return NULL;
}

void bpf_walk_free(struct bpf_walk *walk)
{
	if (!walk)
		return;
	if (walk->records)
		(void)munmap(walk->records, records_size(walk));
	if (walk->pass)
		(void)munmap(walk->pass, sizeof(*walk->pass));
	bpf_object__close(walk->object);
	free(walk);
}

int bpf_walk_tie(
	struct bpf_walk *walk, const char *folder, struct bpf_link **ret_link, struct error *err)
{
	union bpf_iter_link_info info = {.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE};
	LIBBPF_OPTS(
		bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
	int opened CLOSE_FD = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The kernel takes 0 for "none", and walks everything. */
	int fd CLOSE_FD = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, 1);
	struct bpf_link *link;
	char what[300];

	if (fd < 0)
		return error_errno(err, errno, "opening %s", folder);
	info.cgroup.cgroup_fd = (__u32)fd;
	link = bpf_program__attach_iter(walk->program, &options);
	if (!link) {
		int code = errno;

		(void)snprintf(what, sizeof(what), "tying a BPF iterator to %s", folder);
		return bpf_kernel_explain(code, what, err);
	}
	*ret_link = link;
	return 0;
}

int bpf_walk_pass(struct bpf_walk *walk, const struct bpf_link *link, uint32_t wanted,
	struct bpf_walk_result *ret_result)
{
	int fd CLOSE_FD = bpf_iter_create(bpf_link__fd(link));
	char nothing[1];

	if (fd < 0)
		return -errno;
	*walk->pass = (struct cgroup_stat_pass){.wanted = wanted, .capacity = walk->capacity};
	/* The program writes nothing to the file: the first read walks it all and finds the end. */
	if (read(fd, nothing, sizeof(nothing)) < 0)
		return -errno;
	*ret_result = (struct bpf_walk_result){.records = walk->records,
		.count = walk->pass->count,
		.dropped = walk->pass->dropped,
		.at_ns = walk->pass->at_ns};
	return 0;
}
