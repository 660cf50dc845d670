/* The kernel's signals beside the walk: one row in signals.c for each.
 *
 * What can't load is said once with its reason; its metrics are absent, or come from the files
 * where a cgroup's files have them. Nothing else suffers. */
#ifndef AGENT_SIGNALS_H
#define AGENT_SIGNALS_H

#include "agent/signal.h"

#define SIGNALS_MAX 8

/* All there are, in the order of the table: NULL beyond the last. */
const struct signal_kind *signals_at(size_t index);

/* The fields of one; of all; and of those that need CAP_NET_ADMIN. */
field_set signals_fields_of(const struct signal_kind *kind);
field_set signals_fields(void);
field_set signals_network_fields(void);

/* Opens those of which a field is wanted. Returns how many were. `files` are the fields that the
 * files have: those of a signal that is missing come from there. */
size_t signals_open(const struct signal_options *options, field_set files,
	struct source *ret_opened[SIGNALS_MAX]);

#endif
