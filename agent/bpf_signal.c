#include "agent/bpf_signal.h"

#include "agent/bpf_kernel.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

static int explain(const struct bpf_signal *signal, int code, const char *doing, struct error *err)
{
	char what[200];

	(void)snprintf(what, sizeof(what), "%s the BPF program %s", doing, signal->name);
	return signal->network ? bpf_kernel_explain_network(code, what, err)
			       : bpf_kernel_explain(code, what, err);
}

int bpf_signal_open(struct bpf_signal *signal, const char *name, bool network, const void *bytes,
	size_t size, struct error *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);

	*signal = (struct bpf_signal){.name = name, .network = network};
	bpf_kernel_quiet();
	signal->object = bpf_object__open_mem(bytes, size, &options);
	if (!signal->object)
		return explain(signal, errno, "opening", err);
	return 0;
}

int bpf_signal_set_constants(
	struct bpf_signal *signal, const void *values, size_t size, struct error *err)
{
	struct bpf_map *constants = bpf_object__find_map_by_name(signal->object, ".rodata");

	if (!constants || bpf_map__set_initial_value(constants, values, size) < 0)
		return error_set(
			err, EINVAL, "the BPF object %s has other constants", signal->name);
	return 0;
}

int bpf_signal_load(struct bpf_signal *signal, struct error *err)
{
	int r;

	bpf_kernel_quiet();
	if (signal->network && !bpf_kernel_may_see_packets())
		return explain(signal, EPERM, "loading", err);
	r = bpf_object__load(signal->object);
	/* Reading the kernel's types took megabytes of small pieces, all free again by now. */
	(void)malloc_trim(0);
	return r < 0 ? explain(signal, -r, "loading", err) : 0;
}

/* Attaches each program that was loaded; cgroup < 0: where its section says. */
static int attach(struct bpf_signal *signal, int cgroup, struct error *err)
{
	struct bpf_program *program;

	bpf_kernel_quiet();
	bpf_object__for_each_program(program, signal->object)
	{
		struct bpf_link *link;
		int code = E2BIG;

		if (!bpf_program__autoload(program))
			continue;
		link = NULL;
		if (signal->link_count < BPF_SIGNAL_LINKS) {
			link = cgroup < 0 ? bpf_program__attach(program)
					  : bpf_program__attach_cgroup(program, cgroup);
			code = errno;
		}
		if (!link) {
			bpf_signal_detach(signal);
			return explain(signal, code, "attaching", err);
		}
		signal->links[signal->link_count++] = link;
	}
	return 0;
}

int bpf_signal_attach(struct bpf_signal *signal, struct error *err)
{
	return attach(signal, -1, err);
}

int bpf_signal_attach_cgroup(struct bpf_signal *signal, const char *folder, struct error *err)
{
	int fd CLOSE_FD = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, errno, "opening %s", folder);
	return attach(signal, fd, err);
}

void bpf_signal_detach(struct bpf_signal *signal)
{
	while (signal->link_count > 0)
		(void)bpf_link__destroy(signal->links[--signal->link_count]);
}

int bpf_signal_map(const struct bpf_signal *signal, const char *name, struct bpf_map **ret_map,
	struct error *err)
{
	struct bpf_map *map = bpf_object__find_map_by_name(signal->object, name);

	if (!map)
		return error_set(
			err, EINVAL, "the BPF object %s lacks the map %s", signal->name, name);
	*ret_map = map;
	return 0;
}

void bpf_signal_free(struct bpf_signal *signal)
{
	bpf_signal_detach(signal);
	bpf_object__close(signal->object);
	signal->object = NULL;
}
