#include "aggregator/api/workload.h"

#include <stddef.h>
#include <string.h>

/* k8s.io/apiserver, pkg/storage/names: what is generated is 63 bytes at most, 5 of them random. */
#define RANDOM_BYTES 5
#define BASE_BYTES   58

#define TEMPLATE_HASH       "pod-template-hash"
#define TEMPLATE_GENERATION "pod-template-generation"
#define REVISION_HASH       "controller-revision-hash"
#define STATEFUL_POD        "statefulset.kubernetes.io/pod-name"
#define JOB_NAME            "job-name"

static const struct workload_info INFO[WORKLOAD_KINDS] = {
	[WORKLOAD_DEPLOYMENT] = {"deployments.apps", "Deployment", "apps/v1"},
	[WORKLOAD_REPLICA_SET] = {"replicasets.apps", "ReplicaSet", "apps/v1"},
	[WORKLOAD_STATEFUL_SET] = {"statefulsets.apps", "StatefulSet", "apps/v1"},
	[WORKLOAD_DAEMON_SET] = {"daemonsets.apps", "DaemonSet", "apps/v1"},
	[WORKLOAD_JOB] = {"jobs.batch", "Job", "batch/v1"},
};

const struct workload_info *workload_info(enum workload_kind kind)
{
	return &INFO[kind];
}

int workload_by_resource(const char *resource)
{
	for (int kind = 0; kind < WORKLOAD_KINDS; kind++) {
		const char *known = INFO[kind].resource;
		size_t bare = strcspn(known, ".");

		if (strcmp(resource, known) == 0 ||
			(strlen(resource) == bare && memcmp(resource, known, bare) == 0))
			return kind;
	}
	return -1;
}

const char *workload_label(enum workload_kind kind)
{
	return kind == WORKLOAD_JOB ? JOB_NAME : NULL;
}

/* What of the pod's name stands behind `name` and '-', or NULL. */
static const char *behind(const char *name, const char *pod)
{
	size_t length = strlen(name);

	return strncmp(pod, name, length) == 0 && pod[length] == '-' ? pod + length + 1 : NULL;
}

/* A controller's own letters are neither '-' nor '.'. */
static bool is_random(const char *text)
{
	return strlen(text) == RANDOM_BYTES && !strpbrk(text, "-.");
}

static bool is_of_deployment(const char *name, const char *pod, const struct labels *labels)
{
	const char *hash = labels_get(labels, TEMPLATE_HASH), *rest = behind(name, pod);
	size_t length = hash ? strlen(hash) : 0;

	if (!rest || length == 0 || strncmp(rest, hash, length) != 0)
		return false;
	rest += length;
	/* one that is as long as may be has lost the '-' */
	if (strlen(name) + 1 + length < BASE_BYTES)
		return *rest == '-' && is_random(rest + 1);
	return strlen(name) + 1 + length == BASE_BYTES && is_random(rest);
}

static bool is_of_replica_set(const char *name, const char *pod, const struct labels *labels)
{
	const char *hash = labels_get(labels, TEMPLATE_HASH), *rest = behind(name, pod);
	size_t length = hash ? strlen(hash) : 0, own = strlen(name);

	if (!rest || !is_random(rest) || labels_get(labels, REVISION_HASH) ||
		labels_get(labels, JOB_NAME))
		return false;
	return !hash || (own > length && strcmp(name + own - length, hash) == 0);
}

static bool is_of_stateful_set(const char *name, const char *pod, const struct labels *labels)
{
	const char *rest = behind(name, pod);

	return rest && *rest && rest[strspn(rest, "0123456789")] == '\0' &&
	       labels_get(labels, STATEFUL_POD);
}

static bool is_of_daemon_set(const char *name, const char *pod, const struct labels *labels)
{
	const char *rest = behind(name, pod);

	return rest && is_random(rest) && labels_get(labels, REVISION_HASH) &&
	       labels_get(labels, TEMPLATE_GENERATION);
}

bool workload_has_pod(
	enum workload_kind kind, const char *name, const char *pod, const struct labels *labels)
{
	const char *job;

	switch (kind) {
	case WORKLOAD_DEPLOYMENT:
		return is_of_deployment(name, pod, labels);
	case WORKLOAD_REPLICA_SET:
		return is_of_replica_set(name, pod, labels);
	case WORKLOAD_STATEFUL_SET:
		return is_of_stateful_set(name, pod, labels);
	case WORKLOAD_DAEMON_SET:
		return is_of_daemon_set(name, pod, labels);
	case WORKLOAD_JOB:
		job = labels_get(labels, JOB_NAME);
		return job && strcmp(job, name) == 0;
	case WORKLOAD_KINDS:
		break;
	}
	return false;
}
