#include "agent/signal_network.h"

#include "agent/bpf_counts.h"

#include "bpf/network.h"
#include "bpf/network.skel.h"

static const enum field FIELDS[NETWORK_COUNTERS] = {
	[NETWORK_RECEIVE_BYTES] = FIELD_NETWORK_RECEIVE_BYTES,
	[NETWORK_RECEIVE_PACKETS] = FIELD_NETWORK_RECEIVE_PACKETS,
	[NETWORK_TRANSMIT_BYTES] = FIELD_NETWORK_TRANSMIT_BYTES,
	[NETWORK_TRANSMIT_PACKETS] = FIELD_NETWORK_TRANSMIT_PACKETS,
};

static const struct bpf_counts_kind COUNTS = {
	.name = "network",
	.object_bytes = network__elf_bytes,
	.counters = NETWORK_COUNTERS,
	.fields = FIELDS,
	.field_count = NETWORK_COUNTERS,
	.at_top = true,
};

static struct source *open_network(const struct signal_options *options, struct error *err)
{
	return bpf_counts_new(&COUNTS, options, NULL, err);
}

const struct signal_kind signal_network = {
	.name = "network",
	.fields = FIELDS,
	.field_count = NETWORK_COUNTERS,
	.network = true,
	.open = open_network,
};
