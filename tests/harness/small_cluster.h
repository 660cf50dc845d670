/* Two nodes and two pods of which every byte that a writer makes is known: what the tests of the
 * writers stand on. */
#ifndef TESTS_HARNESS_SMALL_CLUSTER_H
#define TESTS_HARNESS_SMALL_CLUSTER_H

#include "aggregator/api/listing.h"

/* For cmocka_unit_test_setup_teardown(): one cluster at a time. */
int small_cluster_set_up(void **state);
int small_cluster_tear_down(void **state);

/* A get (`name`) or list of it as JSON, v1beta1, at 2026-01-01T00:00:00Z; pods are in namespace
 * "ns". */
struct listing_options small_cluster_options(enum listing_resource resource, const char *name);

/* Fails the running test unless the whole answer is `expected`. */
void small_cluster_check(const struct listing_options *options, const char *expected);

#endif
