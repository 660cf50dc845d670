/* Whose log a path belongs to: the kubelet's naming of log folders and of links to logs. Pure
 * functions on text that need not be terminated. */
#ifndef AGENT_LOG_PATH_H
#define AGENT_LOG_PATH_H

#include "agent/cgroup_name.h"

#include <stdbool.h>
#include <stddef.h>

/* DNS-1123, as Kubernetes checks names: labels for namespaces and containers, subdomains for
 * pods. */
#define LOG_PATH_LABEL_MAX     63
#define LOG_PATH_SUBDOMAIN_MAX 253

/* So many digits of a cut id stand for the whole: fewer could be another's (the pause sandbox's) by
 * chance. */
#define LOG_PATH_DIGITS_MIN 8

/* Points into the path that was parsed. */
struct log_span {
	const char *text;
	size_t length;
};

struct log_owner {
	struct log_span namespace, pod, container;
	char uid[POD_UID_SIZE];
};

/* Writes the text with its NUL; `to` has room. */
void log_path_copy(char *to, struct log_span from);

/* True for a namespace's or a container's name. */
bool log_path_is_label(struct log_span name);

/* "<namespace>_<pod>_<uid>". Leaves `container` alone. */
bool log_path_parse_folder(struct log_span folder, struct log_owner *ret_owner);

/* "<namespace>_<pod>_<uid>/<container>/<n>.log" */
bool log_path_parse(struct log_span path, struct log_owner *ret_owner);

/* What is left of `path` behind the folder `prefix` and its slash; text is NULL when the path is
 * not below it. */
struct log_span log_path_below(struct log_span path, const char *prefix);

/* The id in "<pod>_<namespace>_<container>-<id>.log", the name of a link to a log of `owner`: all
 * 64 digits, or as many as the kubelet left when it cut the name at 255 characters, or none. False
 * when the name is not of that form or not this owner's. */
bool log_path_link_id(struct log_span link, const struct log_owner *owner, struct log_span *ret_id);

/* True when the link's name of a container whose names have these lengths keeps less than
 * LOG_PATH_DIGITS_MIN digits of its id. */
bool log_path_is_cut_away(size_t namespace_length, size_t pod_length, size_t container_length);

#endif
