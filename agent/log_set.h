/* What one reading of the log folders told: pods by uid, containers by id. */
#ifndef AGENT_LOG_SET_H
#define AGENT_LOG_SET_H

#include "agent/log_path.h"

#include <stdbool.h>
#include <stddef.h>

struct log_pod;
struct log_link;

/* Zero-initialise. */
struct log_set {
	struct log_pod *pods;
	struct log_link *links;
};

/* Frees what is in it and leaves an empty set. */
void log_set_free(struct log_set *set);

/* Adds the pod, if it is not there yet. 0, 1 when it was there, -ENOSPC beyond `max` pods, or
 * -ENOMEM. */
int log_set_add_pod(struct log_set *set, const struct log_owner *owner, size_t max);

/* Adds what a link says of a container of a pod that is in the set; `id` is whole or cut. 0 or
 * -ENOMEM. */
int log_set_add_link(struct log_set *set, const struct log_owner *owner, struct log_span id);

/* Adds a container of the pod `uid`, which is in the set, whose link says nothing of its id. 0 or
 * -ENOMEM. */
int log_set_add_nameless(struct log_set *set, const char *uid, struct log_span container);

/* The number of pods, and of links. */
size_t log_set_pods(const struct log_set *set);
size_t log_set_links(const struct log_set *set);

/* As their namesakes of agent/log_names.h. */
bool log_set_pod(const struct log_set *set, const char *uid, const char **ret_namespace,
	const char **ret_name);
const char *log_set_container(const struct log_set *set, const char *uid, const char *id);
const char *log_set_remaining(
	const struct log_set *set, const char *uid, const char *const *named, size_t named_count);

#endif
