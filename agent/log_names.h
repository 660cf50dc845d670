/* Names of pods and containers, from the log folders that the kubelet keeps on the node:
 * <log root>/containers/<pod>_<namespace>_<container>-<id>.log and
 * <log root>/pods/<namespace>_<pod>_<uid>/<container>/.
 *
 * Names only: no log is opened, and a link that points outside of <log root>/pods is not followed.
 * Link names are cut by the kubelet at 255 characters, so an id can be cut: then the link's target
 * says the uid, and the id is matched by what is left of it or, within its pod, by elimination. */
#ifndef AGENT_LOG_NAMES_H
#define AGENT_LOG_NAMES_H

#include "agent/cgroup_name.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>

struct log_names;

/* `root` is --log-root: "/var/log". It need not exist: then nothing has a name, which is said
 * once. NULL when memory is short. */
struct log_names *log_names_new(const char *root, struct telemetry *telemetry);
void log_names_free(struct log_names *names);

/* Reads both folders anew: a few hundred links cost about 0.3 ms. Bounded: 20,000 links and
 * 5,000 pod folders are read, what is beyond is counted. When fds or memory run short, the names
 * that were known stay. */
void log_names_refresh(struct log_names *names);

/* Namespace and name of the pod, valid until the next refresh. False when the node doesn't know
 * it. */
bool log_names_pod(const struct log_names *names, const char *uid, const char **ret_namespace,
	const char **ret_name);

/* The container's name, valid until the next refresh, or NULL. `uid` is the pod's as its cgroup
 * says it. */
const char *log_names_container(
	const struct log_names *names, const char *uid, const char *container_id);

/* The only container that the pod's log folder and links leave for an id that has no link: used for
 * ids that were cut away altogether (less than 8 digits left). `named` are the containers of the
 * pod that have names already. NULL unless there is exactly one candidate, and always for a pod
 * whose names are short enough for whole ids. It can't tell the pause sandbox, which has no link
 * either: leave that out before asking. */
const char *log_names_remaining(const struct log_names *names, const char *uid,
	const char *const *named, size_t named_count);

#endif
