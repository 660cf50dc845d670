#include "aggregator/store/pod_metadata.h"

#include "aggregator/store/labels_check.h"
#include "aggregator/store/object_key.h"
#include "aggregator/store/object_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check_name(const char *what, const char *name, struct error *err)
{
	if (!*name)
		return error_set(err, EINVAL, "%s is empty", what);
	return object_name_check(what, name, err);
}

static int check_uid(const char *what, const char *uid, struct error *err)
{
	if (!*uid)
		return error_set(err, EINVAL, "%s is empty", what);
	return object_name_check_text(what, uid, err);
}

int pod_metadata_check(const struct store_pod_metadata *from, struct error *err)
{
	int r = check_name("its namespace", from->namespace, err);

	if (r == 0)
		r = check_name("its name", from->name, err);
	if (r == 0)
		r = check_uid("its uid", from->uid, err);
	if (r == 0)
		r = check_uid("its cgroup's uid", from->cgroup_uid, err);
	return r == 0 ? labels_check(from->labels, err) : r;
}

struct pod_metadata *pod_metadata_new(const struct store_pod_metadata *from, struct interned *texts)
{
	size_t name = strlen(from->name) + 1, uid = strlen(from->uid) + 1;
	bool own_uid = strcmp(from->uid, from->cgroup_uid) == 0;
	size_t cgroup_uid = own_uid ? 0 : strlen(from->cgroup_uid) + 1;
	struct pod_metadata *pod = malloc(sizeof(*pod) + name + uid + cgroup_uid);

	if (!pod)
		return NULL;
	*pod = (struct pod_metadata){
		.uid = (uint16_t)name,
		.cgroup_uid = (uint16_t)(own_uid ? name : name + uid),
		.own_set = labels_have_particular(from->labels),
	};
	memcpy(pod->text, from->name, name);
	memcpy(pod->text + name, from->uid, uid);
	memcpy(pod->text + name + uid, from->cgroup_uid, cgroup_uid);
	if (!pod->own_set)
		return pod;
	pod->set = label_set_new(texts, from->labels, false);
	if (pod->set)
		return pod;
	free(pod);
	return NULL;
}

void pod_metadata_free(struct interned *texts, struct pod_metadata *pod)
{
	if (!pod)
		return;
	if (pod->own_set)
		label_set_free(texts, pod->set);
	free(pod);
}

bool pod_metadata_says(const struct pod_metadata *pod, const struct store_pod_metadata *news)
{
	return strcmp(pod_metadata_uid(pod), news->uid) == 0 &&
	       strcmp(pod_metadata_cgroup_uid(pod), news->cgroup_uid) == 0 &&
	       labels_equal(&pod->set->labels, news->labels);
}

int pod_metadata_compare_key(const void *key, const void *pod)
{
	return object_key_compare(key, pod_metadata_namespace(pod), pod_metadata_name(pod));
}

int pod_metadata_compare(const void *a, const void *b)
{
	const struct object_key key = {pod_metadata_namespace(a), pod_metadata_name(a), false};

	return pod_metadata_compare_key(&key, b);
}

int pod_metadata_compare_in_group(const void *a, const void *b)
{
	int order = strcmp(pod_metadata_name(a), pod_metadata_name(b));

	return order ? order : (a > b) - (a < b);
}
