/* One BPF object that stands alone: opened, loaded and attached, or the reason why not in words. */
#ifndef AGENT_BPF_SIGNAL_H
#define AGENT_BPF_SIGNAL_H

#include "base/error.h"

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

#define BPF_SIGNAL_LINKS 8

struct bpf_signal {
	const char *name; /* of the object: "network" */
	bool network;     /* it sees packets: CAP_NET_ADMIN is needed */
	struct bpf_object *object;
	struct bpf_link *links[BPF_SIGNAL_LINKS];
	size_t link_count;
};

/* Opens the object; `name` must outlive it. Its maps and constants can be changed until it is
 * loaded. 0, or -errno and a message fit for the log; in any case bpf_signal_free() is fine. */
int bpf_signal_open(struct bpf_signal *signal, const char *name, bool network, const void *bytes,
	size_t size, struct error *err);

/* Sets all its constants (`const volatile` globals), before it is loaded. */
int bpf_signal_set_constants(
	struct bpf_signal *signal, const void *values, size_t size, struct error *err);

/* Loads it. Takes some 10 ms. */
int bpf_signal_load(struct bpf_signal *signal, struct error *err);

/* Attaches all its programs where their sections say: to tracepoints. */
int bpf_signal_attach(struct bpf_signal *signal, struct error *err);

/* Attaches all its programs, of cgroup_skb, to a cgroup's folder. */
int bpf_signal_attach_cgroup(struct bpf_signal *signal, const char *folder, struct error *err);

void bpf_signal_detach(struct bpf_signal *signal);

/* A map of the object, which must have it. -errno and a message when it does not. */
int bpf_signal_map(const struct bpf_signal *signal, const char *name, struct bpf_map **ret_map,
	struct error *err);

void bpf_signal_free(struct bpf_signal *signal);

#endif
