/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where kernels differ, from 6.1 on; each with its reason. Include after vmlinux.h and libbpf's
 * headers. */
#ifndef BPF_KERNEL_VERSIONS_H
#define BPF_KERNEL_VERSIONS_H

/* 6.16 gave every controller its own rstat tree and renamed the function that adds up the per-CPU
 * counters of a subtree. Each object is built against one of the two, and user space loads the one
 * that the kernel's BTF knows: a weak extern for the other would need CAP_SYS_ADMIN to look up. */
#ifdef CSS_RSTAT
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym;

static __always_inline void flush_subtree(struct cgroup *cgroup)
{
	css_rstat_flush(&cgroup->self);
}
#else
extern void cgroup_rstat_flush(struct cgroup *cgroup) __ksym;

static __always_inline void flush_subtree(struct cgroup *cgroup)
{
	cgroup_rstat_flush(cgroup);
}
#endif

/* The controller's state of `cgroup`, or NULL when it is not switched on there or the kernel was
 * built without it. Controllers have other numbers in every kernel configuration. */
#define controller_of(cgroup_, id_)                                                          \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, id_)                              \
			? (cgroup_)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id_)] \
			: NULL)

/* Reads a field of a kernel struct that the verifier does not know the pointer's type of. 6.2 has
 * bpf_rdonly_cast(), after which it is a plain load that costs a tenth of the helper's; the object
 * for older kernels keeps to the helper. typed() gives the pointer, load() reads through it: a
 * place that can't be read gives 0 with both. */
#ifdef CSS_RSTAT
extern void *bpf_rdonly_cast(const void *pointer, __u32 btf_id) __ksym;

#define typed(type_, pointer_) \
	((type_ *)bpf_rdonly_cast((pointer_), bpf_core_type_id_kernel(type_)))
#define load(place_) (place_)
#else
#define typed(type_, pointer_) ((type_ *)(pointer_))
#define load(place_)                                                     \
	({                                                               \
		typeof(place_) value_ = 0;                               \
		(void)bpf_core_read(&value_, sizeof(value_), &(place_)); \
		value_;                                                  \
	})
#endif

#endif
