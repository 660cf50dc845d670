/* A store for up to three nodes, catalogs and samples made of words, and what is served as words
 * again. Everything here fails the running cmocka test when it does not go as it says. */
#ifndef HARNESS_TOY_STORE_H
#define HARNESS_TOY_STORE_H

#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOY_EXPIRY_NS (15 * 1000000000ULL)
#define TOY_START_NS  (1000 * 1000000000ULL) /* on the store's clock */
#define TOY_NO_FIGURE UINT64_MAX             /* becomes 0 on the wire */

/* The longest name that is taken. */
#define TOY_NAME_253                                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaa"                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaa"                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* --- messages --------------------------------------------------------------------------------- */

#define TOY_MOST_PODS       8
#define TOY_MOST_CONTAINERS 8

struct toy_catalog {
	Tacho__V1__Catalog message;
	Tacho__V1__Node node;
	Tacho__V1__Pod pod[TOY_MOST_PODS], *pods[TOY_MOST_PODS];
	Tacho__V1__Container container[TOY_MOST_PODS][TOY_MOST_CONTAINERS],
		*containers[TOY_MOST_PODS][TOY_MOST_CONTAINERS];
	char text[1024];
};

/* The node's architecture in every catalog: "arm64". */
extern char toy_architecture[];

/* Makes a Catalog of words: "namespace/name@uid container=id container=id; ...". '!' behind the uid
 * makes the pod incomplete. Any part may be empty. The node has 4 cores and 8 GiB. */
const Tacho__V1__Catalog *toy_read_catalog(
	struct toy_catalog *catalog, uint64_t revision, const char *words);

#define TOY_MOST_COLUMNS 8
#define TOY_MOST_VALUES  16

struct toy_sample {
	Tacho__V1__Sample message;
	Tacho__V1__Column column[TOY_MOST_COLUMNS], *columns[TOY_MOST_COLUMNS];
	uint64_t value[TOY_MOST_COLUMNS][TOY_MOST_VALUES];
	int32_t delta[TOY_MOST_VALUES];
};

#define TOY_CPU         1 /* wire ids, see proto/metrics.def */
#define TOY_MEMORY      5
#define TOY_PIDS        10
#define TOY_NODE_CPU    100
#define TOY_NODE_MEMORY 102

/* A sample over 15 s without columns. */
void toy_sample_begin(struct toy_sample *sample, uint64_t revision);

/* Adds a column whose values are first, first + 1, ...; all are "no figure" for TOY_NO_FIGURE. */
void toy_sample_add(struct toy_sample *sample, uint32_t id, size_t count, uint64_t first);

/* CPU from `first` on, memory from first + 1000 on, the node's CPU and memory 2000 and 3000 more.
 */
void toy_sample_usual(struct toy_sample *sample, uint64_t revision, size_t rows, uint64_t first);

/* --- the store -------------------------------------------------------------------------------- */

struct toy_store {
	struct store *store;
	struct telemetry *telemetry;
	bool metadata;    /* Kubernetes says what there is */
	uint64_t now_ns;  /* of the messages to come, and of the readers */
	struct error err; /* of the last message */
};

/* For cmocka: *state is a struct toy_store, whose store expires after TOY_EXPIRY_NS and serves what
 * has CPU and memory. One at a time. */
int toy_setup(void **state);

/* The same with other options than its own, which toy_options() tells; the telemetry is filled
 * in. */
struct store_options toy_options(void);
int toy_setup_with(void **state, struct store_options options);
int toy_teardown(void **state);

/* The readers' clock: struct store_options, `clock`. */
uint64_t toy_clock(void);

/* Time passes. */
void toy_wait(struct toy_store *toy, uint64_t ns);

/* try: what store.h says it returns. give: it is taken. refuse: it is not, with this message. */
int toy_try_catalog(struct toy_store *toy, const char *node, uint64_t revision, const char *words);
void toy_give_catalog(
	struct toy_store *toy, const char *node, uint64_t revision, const char *words);
void toy_refuse_catalog(struct toy_store *toy, const char *node, uint64_t revision,
	const char *words, int result, const char *message);
int toy_try_sample(struct toy_store *toy, const char *node, const struct toy_sample *sample);
void toy_give_sample(
	struct toy_store *toy, const char *node, uint64_t revision, size_t rows, uint64_t first);

/* The value of a counter, of this reason unless it is NULL. */
uint64_t toy_counted(const struct toy_store *toy, const char *name, const char *reason);

/* --- what is served --------------------------------------------------------------------------- */

struct toy_words {
	char text[4096];
	size_t length;
	unsigned most; /* objects that are taken; 0 = no limit */
	unsigned taken;
};

/* Visitors, whose context is a struct toy_words: "namespace/name@uid container=cpu container=cpu; "
 * and "name=cpu; " for each object. */
bool toy_say_pod(void *context, const struct store_pod_view *pod);
bool toy_say_node(void *context, const struct store_node_view *node);

/* All that is served, in order; with NULL those of every namespace. */
void toy_expect_pods_of(struct toy_store *toy, const char *namespace, const char *expected);
void toy_expect_pods(struct toy_store *toy, const char *expected);
void toy_expect_nodes(struct toy_store *toy, const char *expected);

#endif
