/* What Kubernetes says of one node, as the store keeps it. */
#ifndef STORE_NODE_METADATA_H
#define STORE_NODE_METADATA_H

#include "aggregator/store/label_set.h"

#include <stdint.h>

struct node_metadata {
	struct label_set *set;
	uint32_t generation; /* of the last time that it was put */
	char name[];
};

#endif
