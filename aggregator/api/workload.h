/* Which pods are a workload's, by what their controllers call them: names and labels of pods are
 * all that is kept of Kubernetes' objects.
 *
 *   Deployment D    D-<hash>-<5 characters>, label pod-template-hash=<hash>
 *   ReplicaSet R    R-<5 characters>, label pod-template-hash ends R, or is not there
 *   StatefulSet S   S-<number>, label statefulset.kubernetes.io/pod-name
 *   DaemonSet S     S-<5 characters>, labels controller-revision-hash and pod-template-generation
 *   Job J           label job-name=J
 *
 * A controller cuts the beginning of a name behind 58 bytes. A workload whose own name that would
 * cut has no pods here: another one's might look the same. */
#ifndef API_WORKLOAD_H
#define API_WORKLOAD_H

#include "aggregator/store/labels.h"

#include <stdbool.h>

enum workload_kind {
	WORKLOAD_DEPLOYMENT,
	WORKLOAD_REPLICA_SET,
	WORKLOAD_STATEFUL_SET,
	WORKLOAD_DAEMON_SET,
	WORKLOAD_JOB,
	WORKLOAD_KINDS,
};

struct workload_info {
	const char *resource;    /* "deployments.apps" */
	const char *kind;        /* "Deployment" */
	const char *api_version; /* "apps/v1" */
};

const struct workload_info *workload_info(enum workload_kind kind);

/* The kind of this resource, with its group or without; -1: none that is known. */
int workload_by_resource(const char *resource);

/* The label that all of its pods have, or NULL: then their names begin with its own and '-'. */
const char *workload_label(enum workload_kind kind);

/* Whether a pod of this name and these labels is of the workload `name`. */
bool workload_has_pod(
	enum workload_kind kind, const char *name, const char *pod, const struct labels *labels);

#endif
