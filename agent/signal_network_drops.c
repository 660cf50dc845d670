#include "agent/signal_network_drops.h"

#include "agent/bpf_counts.h"

#include "bpf/network.h"
#include "bpf/network_drops.skel.h"

static const enum field FIELDS[NETWORK_DROP_COUNTERS] = {
	[NETWORK_RECEIVE_DROPPED] = FIELD_NETWORK_RECEIVE_DROPPED,
	[NETWORK_TRANSMIT_DROPPED] = FIELD_NETWORK_TRANSMIT_DROPPED,
};

static const struct bpf_counts_kind COUNTS = {
	.name = "network_drops",
	.object_bytes = network_drops__elf_bytes,
	.counters = NETWORK_DROP_COUNTERS,
	.fields = FIELDS,
	.field_count = NETWORK_DROP_COUNTERS,
};

static struct source *open_network_drops(const struct signal_options *options, struct error *err)
{
	return bpf_counts_new(&COUNTS, options, NULL, err);
}

const struct signal_kind signal_network_drops = {
	.name = "network_drops",
	.fields = FIELDS,
	.field_count = NETWORK_DROP_COUNTERS,
	.open = open_network_drops,
};
