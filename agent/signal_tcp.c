#include "agent/signal_tcp.h"

#include "agent/bpf_counts.h"
#include "agent/bpf_kernel.h"

#include <linux/types.h>

#include "bpf/tcp.h"
#include "bpf/tcp.skel.h"

static const enum field FIELDS[TCP_COUNTERS] = {
	[TCP_COUNT_ACCEPTED] = FIELD_TCP_ACCEPTED,
	[TCP_COUNT_OPENED] = FIELD_TCP_OPENED,
	[TCP_COUNT_RESETS] = FIELD_TCP_RESETS,
	[TCP_COUNT_RETRANSMITS] = FIELD_TCP_RETRANSMITS,
};

/* Tells the program what this kernel's tracepoint hands over. */
static int prepare(struct bpf_signal *signal, struct error *err)
{
	struct tcp_constants constants = {0};
	int arguments = bpf_kernel_trace_arguments("tcp_retransmit_skb", err);

	if (arguments < 0)
		return arguments;
	constants.retransmit_tells_error = arguments > 2;
	return bpf_signal_set_constants(signal, &constants, sizeof(constants), err);
}

static const struct bpf_counts_kind COUNTS = {
	.name = "tcp",
	.object_bytes = tcp__elf_bytes,
	.counters = TCP_COUNTERS,
	.fields = FIELDS,
	.field_count = TCP_COUNTERS,
	.prepare = prepare,
};

static struct source *open_tcp(const struct signal_options *options, struct error *err)
{
	return bpf_counts_new(&COUNTS, options, NULL, err);
}

const struct signal_kind signal_tcp = {
	.name = "tcp",
	.fields = FIELDS,
	.field_count = TCP_COUNTERS,
	.open = open_tcp,
};
