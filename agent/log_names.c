#include "agent/log_names.h"

#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A failed add leaves hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define LINKS_MAX 20000
#define PODS_MAX  5000

/* Folders in one pod's log folder; a pod has a handful of containers. */
#define CONTAINERS_MAX 1000

/* The kubelet cuts "<pod>_<namespace>_<container>-<id>" so that it is a file name with its ".log".
 */
#define SUFFIX   ".log"
#define STEM_MAX (NAME_MAX - (sizeof(SUFFIX) - 1))

/* So many digits of an id are taken for the whole: fewer could be another's (the pause sandbox's)
 * by chance. */
#define DIGITS_MIN 8

/* DNS-1123, as Kubernetes checks names: labels for namespaces and containers, subdomains for pods.
 */
#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253

struct span {
	const char *text;
	size_t length;
};

/* Whose log it is. */
struct owner {
	struct span namespace, pod, container;
	char uid[POD_UID_SIZE];
};

/* A container of a pod whose names are so long that its link's name has no id left. */
struct nameless {
	struct nameless *next;
	char name[LABEL_MAX + 1];
};

/* What one link says. */
struct named {
	char id[CONTAINER_ID_SIZE]; /* cut ones are shorter */
	size_t digits;
	char uid[POD_UID_SIZE];
	char container[LABEL_MAX + 1];
	struct named *next; /* pod->cut */
	UT_hash_handle hh;  /* set->links, unless cut */
};

struct pod {
	char uid[POD_UID_SIZE];
	char namespace[LABEL_MAX + 1];
	char name[SUBDOMAIN_MAX + 1];
	struct named *cut;
	struct nameless *nameless;
	UT_hash_handle hh;
};

enum reason {
	REASON_OUTSIDE,
	REASON_MALFORMED,
	REASON_LIMIT,
	REASON_COUNT,
};

static const char *const REASONS[REASON_COUNT] = {"outside", "malformed", "limit"};
static const char *const REASON_WORDS[REASON_COUNT] = {"it points outside of the pods' folder",
	"it is not what the kubelet writes", "there are too many"};

/* All that one refresh read. */
struct set {
	struct pod *pods;    /* by uid */
	struct named *links; /* by id */
	uint64_t refused[REASON_COUNT];
	bool failed; /* memory was short */
};

struct log_names {
	char *root, *pods, *containers;
	struct set set;
	bool said_pods, said_containers, said_memory, said_refused[REASON_COUNT];
	struct telemetry_series *known_pods, *known_links, *errors, *refused[REASON_COUNT];
};

/* --- names --------------------------------------------------------------------------------------
 */

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Labels, joined by dots when `dots`. */
static bool is_dns_name(struct span name, size_t max, bool dots)
{
	char before = '.';

	if (name.length == 0 || name.length > max)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.text[i];

		if (is_alphanumeric(c)) {
			before = c;
			continue;
		}
		if (c == '-' ? before == '.' : !dots || c != '.' || !is_alphanumeric(before))
			return false;
		before = c;
	}
	return is_alphanumeric(before);
}

/* Cuts off what stands before `separator`, and the separator. False when there is none. */
static bool cut(struct span *rest, char separator, struct span *ret_before)
{
	const char *at = memchr(rest->text, separator, rest->length);

	if (!at)
		return false;
	*ret_before = (struct span){rest->text, (size_t)(at - rest->text)};
	rest->length -= ret_before->length + 1;
	rest->text = at + 1;
	return true;
}

/* "<namespace>_<pod>_<uid>": "_" can't be in any of the three. */
static bool parse_pod_folder(struct span folder, struct owner *ret_owner)
{
	return cut(&folder, '_', &ret_owner->namespace) && cut(&folder, '_', &ret_owner->pod) &&
	       is_dns_name(ret_owner->namespace, LABEL_MAX, false) &&
	       is_dns_name(ret_owner->pod, SUBDOMAIN_MAX, true) &&
	       cgroup_name_parse_uid(folder.text, folder.length, ret_owner->uid);
}

static bool is_log_file(struct span file)
{
	size_t digits = 0;

	while (digits < file.length && file.text[digits] >= '0' && file.text[digits] <= '9')
		digits++;
	return digits > 0 && file.length == digits + strlen(SUFFIX) &&
	       memcmp(file.text + digits, SUFFIX, strlen(SUFFIX)) == 0;
}

/* "<namespace>_<pod>_<uid>/<container>/<n>.log" */
static bool parse_log_path(struct span path, struct owner *ret_owner)
{
	struct span folder;

	return cut(&path, '/', &folder) && cut(&path, '/', &ret_owner->container) &&
	       parse_pod_folder(folder, ret_owner) &&
	       is_dns_name(ret_owner->container, LABEL_MAX, false) && is_log_file(path);
}

/* What is left of `path` behind the folder `prefix` and a slash; NULL text when it is not in it. */
static struct span below(struct span path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (path.length <= length || memcmp(path.text, prefix, length) != 0 ||
		path.text[length] != '/')
		return (struct span){0};
	return (struct span){path.text + length + 1, path.length - length - 1};
}

static void copy(char *to, struct span from)
{
	memcpy(to, from.text, from.length);
	to[from.length] = '\0';
}

/* --- the set ------------------------------------------------------------------------------------
 */

static void free_pod(struct pod *pod)
{
	struct nameless *nameless, *next_nameless;
	struct named *named, *next_named;

	LL_FOREACH_SAFE(pod->cut, named, next_named)
	free(named);
	LL_FOREACH_SAFE(pod->nameless, nameless, next_nameless)
	free(nameless);
	free(pod);
}

static void free_set(struct set *set)
{
	struct pod *pod, *next_pod;
	struct named *named, *next_named;

	HASH_ITER (hh, set->pods, pod, next_pod) {
		HASH_DEL(set->pods, pod);
		free_pod(pod);
	}
	HASH_ITER (hh, set->links, named, next_named) {
		HASH_DEL(set->links, named);
		free(named);
	}
}

static struct pod *find_pod(const struct set *set, const char *uid)
{
	struct pod *pod;

	HASH_FIND_STR(set->pods, uid, pod);
	return pod;
}

/* The pod's entry, old or new; NULL when the set is full or has failed. */
static struct pod *take_pod(struct set *set, const struct owner *owner)
{
	struct pod *pod = find_pod(set, owner->uid);

	if (pod)
		return pod;
	if (HASH_COUNT(set->pods) >= PODS_MAX)
		return NULL;
	pod = calloc(1, sizeof(*pod));
	if (pod) {
		memcpy(pod->uid, owner->uid, sizeof(pod->uid));
		copy(pod->namespace, owner->namespace);
		copy(pod->name, owner->pod);
		HASH_ADD_STR(set->pods, uid, pod);
	}
	if (!pod || !pod->hh.tbl) {
		set->failed = true;
		free(pod);
		return NULL;
	}
	return pod;
}

static void take_link(struct set *set, const struct owner *owner, struct span id)
{
	struct pod *pod = take_pod(set, owner);
	struct named *named;

	if (!pod || id.length < DIGITS_MIN)
		return;
	named = calloc(1, sizeof(*named));
	if (!named) {
		set->failed = true;
		return;
	}
	copy(named->id, id);
	named->digits = id.length;
	memcpy(named->uid, owner->uid, sizeof(named->uid));
	copy(named->container, owner->container);
	if (!cgroup_name_parse_id(id.text, id.length, named->id)) {
		LL_PREPEND(pod->cut, named);
		return;
	}
	HASH_ADD_STR(set->links, id, named);
	if (!named->hh.tbl) {
		set->failed = true;
		free(named);
	}
}

/* --- links --------------------------------------------------------------------------------------
 */

static void refuse(struct log_names *names, struct set *set, enum reason reason, const char *folder,
	const char *name)
{
	set->refused[reason]++;
	if (!names->said_refused[reason])
		log_warn("names: %s/%s is passed over: %s (said once; all are counted)", folder,
			name, REASON_WORDS[reason]);
	names->said_refused[reason] = true;
}

/* The id's digits in the link's name, as many as were not cut. False when the name does not agree
 * with the link's target. */
static bool id_of_link(struct span stem, const struct owner *owner, struct span *ret_id)
{
	char prefix[SUBDOMAIN_MAX + 2 * LABEL_MAX + 4];
	int r = snprintf(prefix, sizeof(prefix), "%.*s_%.*s_%.*s-", (int)owner->pod.length,
		owner->pod.text, (int)owner->namespace.length, owner->namespace.text,
		(int)owner->container.length, owner->container.text);
	size_t length = (size_t)r, shared = stem.length < length ? stem.length : length;
	char id[CONTAINER_ID_SIZE];

	if (memcmp(stem.text, prefix, shared) != 0)
		return false;
	*ret_id = (struct span){stem.text + shared, stem.length - shared};
	if (cgroup_name_parse_id(ret_id->text, ret_id->length, id))
		return true;
	for (size_t i = 0; i < ret_id->length; i++)
		if (!memchr("0123456789abcdef", ret_id->text[i], 16))
			return false;
	return stem.length == STEM_MAX && ret_id->length < sizeof(id) - 1;
}

static void read_link(struct log_names *names, struct set *set, int folder, const char *name)
{
	struct span stem = {name, strlen(name)}, path, id;
	struct owner owner;
	char target[PATH_MAX];
	ssize_t n = readlinkat(folder, name, target, sizeof(target));

	if (n < 0)
		return; /* gone in this moment, or not a link: nothing of the kubelet's */
	path = below((struct span){target, (size_t)n}, names->pods);
	if (!path.text) /* the node's folder can be mounted elsewhere here; links stay as they are
			 */
		path = below((struct span){target, (size_t)n}, "/var/log/pods");
	if (!path.text) {
		refuse(names, set, REASON_OUTSIDE, names->containers, name);
		return;
	}
	if (stem.length > strlen(SUFFIX))
		stem.length -= strlen(SUFFIX);
	if (strcmp(name + stem.length, SUFFIX) != 0 || !parse_log_path(path, &owner) ||
		!id_of_link(stem, &owner, &id)) {
		refuse(names, set, REASON_MALFORMED, names->containers, name);
		return;
	}
	take_link(set, &owner, id);
}

/* --- folders of pods ----------------------------------------------------------------------------
 */

static bool is_folder(int folder, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_name[0] == '.')
		return false;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static DIR *open_folder(int parent, const char *path)
{
	int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder)
		file_close(&fd);
	return folder;
}

/* True when a link of that container has too few digits of its id. */
static bool is_cut_away(const struct pod *pod, size_t container_length)
{
	size_t prefix =
		strlen(pod->name) + strlen(pod->namespace) + container_length + strlen("__-");

	return prefix + DIGITS_MIN > STEM_MAX;
}

static void read_nameless(struct set *set, struct pod *pod, int parent, const char *name)
{
	DIR *folder = open_folder(parent, name);
	struct dirent *entry;

	if (!folder)
		return; /* gone in this moment, or no fds left: then there are no candidates */
	for (int i = 0; i < CONTAINERS_MAX && (entry = readdir(folder)); i++) {
		struct span container = {entry->d_name, strlen(entry->d_name)};
		struct nameless *nameless;

		if (!is_folder(dirfd(folder), entry) || !is_dns_name(container, LABEL_MAX, false) ||
			!is_cut_away(pod, container.length))
			continue;
		nameless = calloc(1, sizeof(*nameless));
		if (!nameless) {
			set->failed = true;
			break;
		}
		copy(nameless->name, container);
		LL_PREPEND(pod->nameless, nameless);
	}
	(void)closedir(folder);
}

static void read_pod_folder(struct log_names *names, struct set *set, int folder, const char *name)
{
	struct owner owner;
	struct pod *pod;

	if (!parse_pod_folder((struct span){name, strlen(name)}, &owner)) {
		refuse(names, set, REASON_MALFORMED, names->pods, name);
		return;
	}
	pod = take_pod(set, &owner);
	if (pod && !pod->nameless && is_cut_away(pod, LABEL_MAX))
		read_nameless(set, pod, folder, name);
}

/* --- refreshing ---------------------------------------------------------------------------------
 */

/* Opens the folder; a failure is said once until it works again. */
static DIR *open_or_say(struct log_names *names, const char *path, bool *said)
{
	DIR *folder = opendir(path);
	char text[128];

	if (folder) {
		*said = false;
		return folder;
	}
	if (errno != ENOENT)
		telemetry_add(names->errors, 1);
	if (!*said)
		log_warn("names: reading %s: %s; containers have no names from there", path,
			strerror_r(errno, text, sizeof(text)));
	*said = true;
	return NULL;
}

static void read_pods(struct log_names *names, struct set *set)
{
	DIR *folder = open_or_say(names, names->pods, &names->said_pods);
	struct dirent *entry;
	int count = 0;

	while (folder && !set->failed && (entry = readdir(folder))) {
		if (!is_folder(dirfd(folder), entry))
			continue;
		if (count++ < PODS_MAX)
			read_pod_folder(names, set, dirfd(folder), entry->d_name);
		else
			refuse(names, set, REASON_LIMIT, names->pods, entry->d_name);
	}
	if (folder)
		(void)closedir(folder);
}

static void read_links(struct log_names *names, struct set *set)
{
	DIR *folder = open_or_say(names, names->containers, &names->said_containers);
	struct dirent *entry;
	int count = 0;

	while (folder && !set->failed && (entry = readdir(folder))) {
		if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
			continue;
		if (count++ < LINKS_MAX)
			read_link(names, set, dirfd(folder), entry->d_name);
		else
			refuse(names, set, REASON_LIMIT, names->containers, entry->d_name);
	}
	if (folder)
		(void)closedir(folder);
}

void log_names_refresh(struct log_names *names)
{
	struct set set = {0};

	read_pods(names, &set);
	read_links(names, &set);
	if (set.failed) {
		free_set(&set);
		telemetry_add(names->errors, 1);
		if (!names->said_memory)
			log_error("names: reading %s: out of memory; the names read before stay",
				names->root);
		names->said_memory = true;
		return;
	}
	free_set(&names->set);
	names->set = set;
	names->said_memory = false;
	telemetry_set(names->known_pods, HASH_COUNT(set.pods));
	telemetry_set(names->known_links, HASH_COUNT(set.links));
	for (size_t i = 0; i < REASON_COUNT; i++)
		telemetry_set(names->refused[i], set.refused[i]);
}

/* --- asking -------------------------------------------------------------------------------------
 */

bool log_names_pod(const struct log_names *names, const char *uid, const char **ret_namespace,
	const char **ret_name)
{
	const struct pod *pod = find_pod(&names->set, uid);

	if (!pod)
		return false;
	*ret_namespace = pod->namespace;
	*ret_name = pod->name;
	return true;
}

const char *log_names_container(
	const struct log_names *names, const char *uid, const char *container_id)
{
	const struct pod *pod = find_pod(&names->set, uid);
	const char *name = NULL;
	struct named *named;

	HASH_FIND_STR(names->set.links, container_id, named);
	if (named)
		return strcmp(named->uid, uid) == 0 ? named->container : NULL;
	if (!pod)
		return NULL;
	LL_FOREACH (pod->cut, named) {
		if (strncmp(named->id, container_id, named->digits) != 0)
			continue;
		if (name && strcmp(name, named->container) != 0)
			return NULL;
		name = named->container;
	}
	return name;
}

static bool is_among(const char *name, const char *const *named, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (named[i] && strcmp(named[i], name) == 0)
			return true;
	return false;
}

const char *log_names_remaining(const struct log_names *names, const char *uid,
	const char *const *named, size_t named_count)
{
	const struct pod *pod = find_pod(&names->set, uid);
	const struct nameless *nameless;
	const char *name = NULL;

	if (!pod)
		return NULL;
	LL_FOREACH (pod->nameless, nameless) {
		if (is_among(nameless->name, named, named_count))
			continue;
		if (name)
			return NULL;
		name = nameless->name;
	}
	return name;
}

/* --- making -------------------------------------------------------------------------------------
 */

static void register_telemetry(struct log_names *names, struct telemetry *telemetry)
{
	names->known_pods = telemetry_gauge(
		telemetry, "tacho_agent_log_pods", "Pods that the log folders name.", NULL, NULL);
	names->known_links = telemetry_gauge(telemetry, "tacho_agent_log_links",
		"Containers that the links to logs name.", NULL, NULL);
	names->errors = telemetry_counter(telemetry, "tacho_agent_log_names_errors_total",
		"Log folders that could not be read, or not wholly.", NULL, NULL);
	for (size_t i = 0; i < REASON_COUNT; i++)
		names->refused[i] = telemetry_gauge(telemetry, "tacho_agent_log_names_refused",
			"Links and folders that the last reading passed over, by reason.", "reason",
			REASONS[i]);
}

struct log_names *log_names_new(const char *root, struct telemetry *telemetry)
{
	struct log_names *names = calloc(1, sizeof(*names));
	int length = (int)strnlen(root, PATH_MAX);

	if (!names)
		return NULL;
	while (length > 0 && root[length - 1] == '/')
		length--;
	/* asprintf() leaves its target undefined on failure. */
	if (asprintf(&names->root, "%.*s", length, root) < 0)
		names->root = NULL;
	if (!names->root || asprintf(&names->pods, "%s/pods", names->root) < 0)
		names->pods = NULL;
	if (!names->pods || asprintf(&names->containers, "%s/containers", names->root) < 0)
		names->containers = NULL;
	if (!names->containers) {
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
	free_set(&names->set);
	free(names->root);
	free(names->pods);
	free(names->containers);
	free(names);
}
