/* What a folder of the cgroup tree is, from its name and from where it stands. */
#ifndef AGENT_CGROUP_ENTRY_H
#define AGENT_CGROUP_ENTRY_H

#include "agent/cgroup_name.h"

#include <stdbool.h>

/* The folders that are looked into. A container or unit is none: what is in it is its own. */
enum cgroup_folder_kind {
	CGROUP_FOLDER_KUBEPODS, /* holds QoS levels, and pods that are guaranteed */
	CGROUP_FOLDER_QOS,      /* holds pods */
	CGROUP_FOLDER_POD,      /* holds containers */
	CGROUP_FOLDER_UNITS,    /* the top when units are shown: slices, units, other cgroups */
	CGROUP_FOLDER_SLICE,    /* holds slices and units */
};

enum cgroup_entry_kind {
	CGROUP_ENTRY_OTHER,  /* nothing of ours */
	CGROUP_ENTRY_FOLDER, /* to be looked into */
	CGROUP_ENTRY_SHOWN,  /* a container or unit */
};

struct cgroup_entry {
	enum cgroup_entry_kind kind;
	enum cgroup_folder_kind folder_kind; /* of a folder */
	char pod_uid[POD_UID_SIZE];          /* of a pod's folder */
	char container_id[CONTAINER_ID_SIZE];
	bool unit;
};

/* What the folder `name` is, found directly inside of a folder of this kind. */
struct cgroup_entry cgroup_entry_of(enum cgroup_folder_kind folder, const char *name);

#endif
