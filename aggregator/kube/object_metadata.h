/* What is taken of an object's metadata: meta.k8s.io PartialObjectMetadata, without managedFields,
 * owners and annotations but a few. */
#ifndef KUBE_OBJECT_METADATA_H
#define KUBE_OBJECT_METADATA_H

#include "aggregator/store/labels.h"

#include <stdbool.h>

/* Valid for the call in which it is handed over. Texts are never NULL. */
struct object_metadata {
	const char *namespace; /* "" for nodes */
	const char *name;
	const char *uid;
	const char *resource_version;
	const char *config_hash; /* of a static pod's mirror (annotations kubernetes.io/config.hash
				    and .mirror, alike): what its cgroup carries; or "" */
	struct labels labels;    /* sorted by key */
	bool initial_events_end; /* annotation k8s.io/initial-events-end is "true" (a bookmark's) */
};

#endif
