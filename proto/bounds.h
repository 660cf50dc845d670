/* What one agent may send: both ends agree on it. An aggregator refuses what is beyond, so an agent
 * leaves it out. */
#ifndef PROTO_BOUNDS_H
#define PROTO_BOUNDS_H

#define WIRE_MAX_MESSAGE (2U << 20) /* bytes; a Catalog of 1,000 pods needs 200 KiB */
#define WIRE_MAX_PODS    1024       /* Kubernetes' own bound is 110 a node by default */
#define WIRE_MAX_ROWS    4096       /* containers: a Sample of all metrics fits in a message */

#endif
