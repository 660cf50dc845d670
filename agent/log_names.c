#include "agent/log_names.h"

#include "agent/log_path.h"
#include "agent/log_set.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 20000
#define PODS_MAX  5000

/* Folders in one pod's log folder; a pod has a handful of containers. */
#define CONTAINERS_MAX 1000

enum reason {
	REASON_OUTSIDE,
	REASON_MALFORMED,
	REASON_LIMIT,
	REASON_COUNT,
};

static const struct {
	const char *label, *words;
} REASONS[REASON_COUNT] = {
	[REASON_OUTSIDE] = {"outside", "it points outside of the pods' folder"},
	[REASON_MALFORMED] = {"malformed", "it is not what the kubelet writes"},
	[REASON_LIMIT] = {"limit", "there are too many"},
};

struct log_names {
	char *pods, *containers; /* the two folders */
	struct log_set set;      /* what the last reading told */

	/* of the reading that goes on */
	struct log_set next;
	uint64_t refused[REASON_COUNT];
	int shortage; /* ENOMEM, EMFILE, ENFILE: it could not be finished; or 0 */

	bool said_pods, said_containers, said_shortage, said_refused[REASON_COUNT];
	struct telemetry_series *known_pods, *known_links, *errors, *refused_now[REASON_COUNT];
};

static struct log_span span_of(const char *text)
{
	return (struct log_span){text, strlen(text)};
}

static void refuse(
	struct log_names *names, enum reason reason, const char *folder, const char *name)
{
	names->refused[reason]++;
	if (!names->said_refused[reason])
		log_warn("names: %s/%s is passed over: %s (said once; all are counted)", folder,
			name, REASONS[reason].words);
	names->said_refused[reason] = true;
}

/* Short of fds or memory, a folder is not read; what was known before is better than that. */
static void note_failure(struct log_names *names, int code)
{
	if (code == ENOMEM || code == EMFILE || code == ENFILE)
		names->shortage = code;
	else if (code != ENOENT)
		telemetry_add(names->errors, 1);
}

/* True when `result` of adding to the set is no reason to stop with this entry. */
static bool is_added(struct log_names *names, int result, const char *folder, const char *name)
{
	if (result == -ENOSPC)
		refuse(names, REASON_LIMIT, folder, name);
	else if (result < 0)
		names->shortage = -result;
	return result >= 0;
}

/* --- links --------------------------------------------------------------------------------------
 */

static void read_link(struct log_names *names, int folder, const char *name)
{
	struct log_span path, id;
	struct log_owner owner;
	char target[PATH_MAX];
	ssize_t n = readlinkat(folder, name, target, sizeof(target));

	if (n < 0)
		return; /* gone in this moment, or not a link: nothing of the kubelet's */
	path = log_path_below((struct log_span){target, (size_t)n}, names->pods);
	if (!path.text) /* the node's folder is mounted elsewhere here; links stay as they are */
		path = log_path_below((struct log_span){target, (size_t)n}, "/var/log/pods");
	if (!path.text)
		refuse(names, REASON_OUTSIDE, names->containers, name);
	else if (!log_path_parse(path, &owner) || !log_path_link_id(span_of(name), &owner, &id))
		refuse(names, REASON_MALFORMED, names->containers, name);
	else if (is_added(names, log_set_add_pod(&names->next, &owner, PODS_MAX), names->containers,
			 name))
		(void)is_added(
			names, log_set_add_link(&names->next, &owner, id), names->containers, name);
}

/* --- folders of pods ----------------------------------------------------------------------------
 */

static bool is_folder(int parent, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_name[0] == '.')
		return false;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(parent, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static DIR *open_folder(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder)
		file_close(&fd);
	return folder;
}

/* The containers whose ids the kubelet cut away. */
static void read_containers(
	struct log_names *names, const struct log_owner *owner, int parent, const char *name)
{
	DIR *folder = open_folder(parent, name);
	struct dirent *entry;

	if (!folder) {
		note_failure(names, errno);
		return;
	}
	for (int i = 0; i < CONTAINERS_MAX && (entry = readdir(folder)); i++) {
		struct log_span container = span_of(entry->d_name);

		if (is_folder(dirfd(folder), entry) && log_path_is_label(container) &&
			log_path_is_cut_away(
				owner->namespace.length, owner->pod.length, container.length))
			(void)is_added(names,
				log_set_add_nameless(&names->next, owner->uid, container),
				names->pods, name);
	}
	(void)closedir(folder);
}

static void read_pod(struct log_names *names, int parent, const char *name)
{
	struct log_owner owner;
	int r;

	if (!log_path_parse_folder(span_of(name), &owner)) {
		refuse(names, REASON_MALFORMED, names->pods, name);
		return;
	}
	r = log_set_add_pod(&names->next, &owner, PODS_MAX);
	if (is_added(names, r, names->pods, name) && r == 0 &&
		log_path_is_cut_away(owner.namespace.length, owner.pod.length, LOG_PATH_LABEL_MAX))
		read_containers(names, &owner, parent, name);
}

/* --- refreshing ---------------------------------------------------------------------------------
 */

/* Opens the folder; a failure is said once until it works again. */
static DIR *open_or_say(struct log_names *names, const char *path, bool *said)
{
	DIR *folder = opendir(path);
	int code = errno;
	char text[128];

	if (folder) {
		*said = false;
		return folder;
	}
	note_failure(names, code);
	if (!*said && !names->shortage)
		log_warn("names: reading %s: %s; containers get no names from there", path,
			strerror_r(code, text, sizeof(text)));
	*said = *said || !names->shortage;
	return NULL;
}

static void read_pods(struct log_names *names)
{
	DIR *folder = open_or_say(names, names->pods, &names->said_pods);
	struct dirent *entry;

	while (folder && !names->shortage && (entry = readdir(folder)))
		if (is_folder(dirfd(folder), entry))
			read_pod(names, dirfd(folder), entry->d_name);
	if (folder)
		(void)closedir(folder);
}

static void read_links(struct log_names *names)
{
	DIR *folder = open_or_say(names, names->containers, &names->said_containers);
	struct dirent *entry;
	int count = 0;

	while (folder && !names->shortage && (entry = readdir(folder))) {
		if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
			continue;
		if (count++ < LINKS_MAX)
			read_link(names, dirfd(folder), entry->d_name);
		else
			refuse(names, REASON_LIMIT, names->containers, entry->d_name);
	}
	if (folder)
		(void)closedir(folder);
}

static void say_shortage(struct log_names *names)
{
	char text[128];

	telemetry_add(names->errors, 1);
	if (!names->said_shortage)
		log_error("names: reading %s and %s: %s; the names read before stay", names->pods,
			names->containers, strerror_r(names->shortage, text, sizeof(text)));
	names->said_shortage = true;
}

void log_names_refresh(struct log_names *names)
{
	names->next = (struct log_set){0};
	names->shortage = 0;
	memset(names->refused, 0, sizeof(names->refused));
	read_pods(names);
	read_links(names);
	if (names->shortage) {
		log_set_free(&names->next);
		say_shortage(names);
		return;
	}
	log_set_free(&names->set);
	names->set = names->next;
	names->said_shortage = false;
	telemetry_set(names->known_pods, log_set_pods(&names->set));
	telemetry_set(names->known_links, log_set_links(&names->set));
	for (size_t i = 0; i < REASON_COUNT; i++)
		telemetry_set(names->refused_now[i], names->refused[i]);
}

/* --- asking, making -----------------------------------------------------------------------------
 */

bool log_names_pod(const struct log_names *names, const char *uid, const char **ret_namespace,
	const char **ret_name)
{
	return log_set_pod(&names->set, uid, ret_namespace, ret_name);
}

const char *log_names_container(
	const struct log_names *names, const char *uid, const char *container_id)
{
	return log_set_container(&names->set, uid, container_id);
}

const char *log_names_remaining(const struct log_names *names, const char *uid,
	const char *const *named, size_t named_count)
{
	return log_set_remaining(&names->set, uid, named, named_count);
}

static void register_telemetry(struct log_names *names, struct telemetry *telemetry)
{
	names->known_pods = telemetry_gauge(
		telemetry, "tacho_agent_log_pods", "Pods that the log folders name.", NULL, NULL);
	names->known_links = telemetry_gauge(telemetry, "tacho_agent_log_links",
		"Containers that the links to logs name by their whole id.", NULL, NULL);
	names->errors = telemetry_counter(telemetry, "tacho_agent_log_names_errors_total",
		"Log folders that could not be read, or not wholly.", NULL, NULL);
	for (size_t i = 0; i < REASON_COUNT; i++)
		names->refused_now[i] = telemetry_gauge(telemetry, "tacho_agent_log_names_refused",
			"Links and folders that the last reading passed over, by reason.", "reason",
			REASONS[i].label);
}

/* NULL when memory is short. */
static char *join(const char *root, size_t length, const char *folder)
{
	char *path;

	return asprintf(&path, "%.*s/%s", (int)length, root, folder) < 0 ? NULL : path;
}

struct log_names *log_names_new(const char *root, struct telemetry *telemetry)
{
	struct log_names *names = calloc(1, sizeof(*names));
	size_t length = strnlen(root, PATH_MAX);

	if (!names)
		return NULL;
	while (length > 0 && root[length - 1] == '/')
		length--;
	names->pods = join(root, length, "pods");
	names->containers = join(root, length, "containers");
	if (!names->pods || !names->containers) {
		log_names_free(names);
		return NULL;
	}
	register_telemetry(names, telemetry);
	return names;
}

void log_names_free(struct log_names *names)
{
	if (!names)
		return;
	log_set_free(&names->set);
	free(names->pods);
	free(names->containers);
	free(names);
}
