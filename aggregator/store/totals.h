/* How much there is of all pods together. */
#ifndef STORE_TOTALS_H
#define STORE_TOTALS_H

#include <stdint.h>

struct store_totals {
	uint64_t pods;
	uint64_t containers;
	uint64_t name_bytes;  /* of the pods' namespaces and names and of the containers' names */
	uint64_t labels;      /* of all pods, each counted by itself */
	uint64_t label_bytes; /* of their keys and values */
};

static inline void store_totals_add(struct store_totals *to, const struct store_totals *totals)
{
	to->pods += totals->pods;
	to->containers += totals->containers;
	to->name_bytes += totals->name_bytes;
	to->labels += totals->labels;
	to->label_bytes += totals->label_bytes;
}

static inline void store_totals_subtract(
	struct store_totals *from, const struct store_totals *totals)
{
	from->pods -= totals->pods;
	from->containers -= totals->containers;
	from->name_bytes -= totals->name_bytes;
	from->labels -= totals->labels;
	from->label_bytes -= totals->label_bytes;
}

#endif
