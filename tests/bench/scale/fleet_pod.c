#include "tests/bench/scale/fleet_pod.h"

#include "agent/cgroup_name.h"
#include "base/node_name.h"
#include "base/number.h"
#include "tests/bench/scale/fleet_figures.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACE_MAX 63

/* What a pod and a container take of a Catalog besides texts (agent/roster.c). */
#define POD_HEAD       32
#define CONTAINER_SIZE (16 + CONTAINER_ID_SIZE)

static bool is_uid(const char *text)
{
	size_t length = strlen(text);

	return length < POD_UID_SIZE &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz-") == length;
}

int world_pod_check(char *const *word, uint32_t *ret_containers, struct error *err)
{
	uint64_t containers;

	if (!node_name_valid(word[2]) || strlen(word[2]) > NAMESPACE_MAX || strchr(word[2], '.'))
		return error_set(err, EINVAL, "\"%s\" is no namespace", word[2]);
	if (!node_name_valid(word[3])) /* the rule for pods is the same */
		return error_set(err, EINVAL, "\"%s\" is no name of a pod", word[3]);
	if (!is_uid(word[4]))
		return error_set(err, EINVAL, "\"%s\" is no uid", word[4]);
	if (number_parse(word[5], strlen(word[5]), &containers) < 0 || containers == 0 ||
		containers > WORLD_MAX_CONTAINERS)
		return error_set(err, EINVAL, "\"%s\": want 1 to %d containers", word[5],
			WORLD_MAX_CONTAINERS);
	*ret_containers = (uint32_t)containers;
	return 0;
}

void world_pod_free(struct world_pod *pod)
{
	free(pod->hash);
	free(pod->text);
	free(pod);
}

struct world_pod *world_pod_new(char *const *word, uint32_t containers)
{
	size_t namespace = strlen(word[2]) + 1, name = strlen(word[3]) + 1;
	size_t uid = strlen(word[4]) + 1;
	struct world_pod *pod = calloc(1, sizeof(*pod));

	if (!pod)
		return NULL;
	pod->containers = containers;
	pod->hash = calloc(containers, sizeof(*pod->hash));
	pod->text = malloc(namespace + name + uid);
	if (!pod->hash || !pod->text) {
		world_pod_free(pod);
		return NULL;
	}
	pod->namespace = memcpy(pod->text, word[2], namespace);
	pod->name = memcpy(pod->text + namespace, word[3], name);
	pod->uid = memcpy(pod->text + namespace + name, word[4], uid);
	for (uint32_t i = 0; i < containers; i++)
		pod->hash[i] = fleet_container_hash(pod->namespace, pod->name, i);
	return pod;
}

size_t world_pod_size(const struct world_pod *pod)
{
	return POD_HEAD + strlen(pod->uid) + strlen(pod->namespace) + strlen(pod->name) +
	       (size_t)pod->containers * CONTAINER_SIZE;
}
