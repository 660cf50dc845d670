#include "agent/log_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A failed add leaves hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* A container without digits of its id: `digits` is 0, and no link need be there. */
struct log_link {
	char id[CONTAINER_ID_SIZE]; /* shorter when it was cut */
	char uid[POD_UID_SIZE];
	char container[LOG_PATH_LABEL_MAX + 1];
	struct log_link *next; /* pod->cut, pod->nameless */
	UT_hash_handle hh;     /* set->links, by id */
};

struct log_pod {
	char uid[POD_UID_SIZE];
	char namespace[LOG_PATH_LABEL_MAX + 1];
	char name[LOG_PATH_SUBDOMAIN_MAX + 1];
	struct log_link *cut;      /* ids that were cut, but say enough */
	struct log_link *nameless; /* containers whose id was cut away */
	UT_hash_handle hh;         /* set->pods, by uid */
};

static void free_list(struct log_link *first)
{
	while (first) {
		struct log_link *next = first->next;

		free(first);
		first = next;
	}
}

void log_set_free(struct log_set *set)
{
	struct log_pod *pod, *next_pod;
	struct log_link *link, *next_link;

	HASH_ITER (hh, set->pods, pod, next_pod) {
		HASH_DEL(set->pods, pod);
		free_list(pod->cut);
		free_list(pod->nameless);
		free(pod);
	}
	HASH_ITER (hh, set->links, link, next_link) {
		HASH_DEL(set->links, link);
		free(link);
	}
}

static struct log_pod *find_pod(const struct log_set *set, const char *uid)
{
	struct log_pod *pod;

	HASH_FIND_STR(set->pods, uid, pod);
	return pod;
}

int log_set_add_pod(struct log_set *set, const struct log_owner *owner, size_t max)
{
	struct log_pod *pod;

	if (find_pod(set, owner->uid))
		return 1;
	if (HASH_COUNT(set->pods) >= max)
		return -ENOSPC;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return -ENOMEM;
	memcpy(pod->uid, owner->uid, sizeof(pod->uid));
	log_path_copy(pod->namespace, owner->namespace);
	log_path_copy(pod->name, owner->pod);
	HASH_ADD_STR(set->pods, uid, pod);
	if (pod->hh.tbl)
		return 0;
	free(pod);
	return -ENOMEM;
}

static struct log_link *new_link(const char *uid, struct log_span container, struct log_span id)
{
	struct log_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	memcpy(link->uid, uid, strlen(uid) + 1);
	log_path_copy(link->container, container);
	log_path_copy(link->id, id);
	return link;
}

int log_set_add_link(struct log_set *set, const struct log_owner *owner, struct log_span id)
{
	struct log_link *link, *known;
	char whole[CONTAINER_ID_SIZE];

	if (id.length < LOG_PATH_DIGITS_MIN)
		return 0;
	link = new_link(owner->uid, owner->container, id);
	if (!link)
		return -ENOMEM;
	if (!cgroup_name_parse_id(id.text, id.length, whole)) {
		LL_PREPEND(find_pod(set, owner->uid)->cut, link);
		return 0;
	}
	HASH_FIND_STR(set->links, whole, known);
	if (!known)
		HASH_ADD_STR(set->links, id, link);
	if (link->hh.tbl)
		return 0;
	free(link);
	return known ? 0 : -ENOMEM;
}

int log_set_add_nameless(struct log_set *set, const char *uid, struct log_span container)
{
	struct log_link *link = new_link(uid, container, (struct log_span){"", 0});

	if (!link)
		return -ENOMEM;
	LL_PREPEND(find_pod(set, uid)->nameless, link);
	return 0;
}

size_t log_set_pods(const struct log_set *set)
{
	return HASH_COUNT(set->pods);
}

size_t log_set_links(const struct log_set *set)
{
	return HASH_COUNT(set->links);
}

bool log_set_pod(const struct log_set *set, const char *uid, const char **ret_namespace,
	const char **ret_name)
{
	const struct log_pod *pod = find_pod(set, uid);

	if (!pod)
		return false;
	*ret_namespace = pod->namespace;
	*ret_name = pod->name;
	return true;
}

const char *log_set_container(const struct log_set *set, const char *uid, const char *id)
{
	const struct log_pod *pod = find_pod(set, uid);
	const char *name = NULL;
	const struct log_link *link;

	HASH_FIND_STR(set->links, id, link);
	if (link)
		return strcmp(link->uid, uid) == 0 ? link->container : NULL;
	if (!pod)
		return NULL;
	LL_FOREACH (pod->cut, link) {
		if (strncmp(link->id, id, strlen(link->id)) != 0)
			continue;
		if (name && strcmp(name, link->container) != 0)
			return NULL;
		name = link->container;
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

const char *log_set_remaining(
	const struct log_set *set, const char *uid, const char *const *named, size_t named_count)
{
	const struct log_pod *pod = find_pod(set, uid);
	const char *name = NULL;
	const struct log_link *link;

	if (!pod)
		return NULL;
	LL_FOREACH (pod->nameless, link) {
		if (is_among(link->container, named, named_count))
			continue;
		if (name)
			return NULL;
		name = link->container;
	}
	return name;
}
