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

#endif
