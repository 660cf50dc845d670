/* A toy store that is told by Kubernetes which pods and nodes there are: the telling in words.
 * Everything here fails the running cmocka test when it does not go as it says. */
#ifndef HARNESS_TOY_METADATA_H
#define HARNESS_TOY_METADATA_H

#include "tests/harness/toy_store.h"

#define TOY_MOST_KNOWN_PODS 8
#define TOY_MOST_LABELS     16

/* For cmocka: as toy_setup(), with metadata of up to TOY_MOST_KNOWN_PODS pods. */
int toy_metadata_setup(void **state);

/* "namespace/name@uid key=value key=value", or with "uid:cgroup_uid" for a static pod; labels in
 * their order. try: what store.h says it returns. put: it is taken. */
int toy_try_pod(struct toy_store *toy, const char *words);
void toy_put_pod(struct toy_store *toy, const char *words);

/* "namespace/name@uid". */
void toy_remove_pod(struct toy_store *toy, const char *words);

/* "name key=value key=value". */
int toy_try_node(struct toy_store *toy, const char *words);
void toy_put_node(struct toy_store *toy, const char *words);

/* A node of Kubernetes whose agent sends this catalog and a sample of so many rows, whose CPU
 * begins with `first`. */
void toy_give_node(
	struct toy_store *toy, const char *node, const char *words, size_t rows, uint64_t first);

/* The labels of a pod or node that is served, "key=value key=value ". */
void toy_expect_pod_labels(
	struct toy_store *toy, const char *namespace, const char *name, const char *expected);
void toy_expect_node_labels(struct toy_store *toy, const char *name, const char *expected);

/* What a walk over one namespace with `having` ("key=value key=value") shows, by names: "a b c ".
 */
void toy_expect_having(
	struct toy_store *toy, const char *namespace, const char *having, const char *expected);

#endif
