/* The sample of a node on which a lot goes on: figures as wide as they get in practice. */
#ifndef TESTS_HARNESS_BUSY_NODE_H
#define TESTS_HARNESS_BUSY_NODE_H

#include "agent/sample.h"

#include <stdint.h>

/* Fills every metric of `rows` containers and of the node. Fails the running cmocka test when
 * memory is short. */
void busy_node(struct sample *sample, uint32_t rows);

#endif
