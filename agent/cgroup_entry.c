#include "agent/cgroup_entry.h"

static struct cgroup_entry entry_of_kubepods(bool top, const char *name)
{
	struct cgroup_entry entry = {.kind = CGROUP_ENTRY_OTHER};

	if (top && cgroup_name_is_qos(name)) {
		entry.kind = CGROUP_ENTRY_FOLDER;
		entry.folder_kind = CGROUP_FOLDER_QOS;
	} else if (cgroup_name_is_pod(name, entry.pod_uid)) {
		entry.kind = CGROUP_ENTRY_FOLDER;
		entry.folder_kind = CGROUP_FOLDER_POD;
	}
	return entry;
}

static struct cgroup_entry entry_of_pod(const char *name)
{
	struct cgroup_entry entry = {.kind = CGROUP_ENTRY_OTHER};

	if (cgroup_name_is_container(name, entry.container_id))
		entry.kind = CGROUP_ENTRY_SHOWN;
	return entry;
}

static struct cgroup_entry entry_of_units(bool top, const char *name)
{
	struct cgroup_entry entry = {.kind = CGROUP_ENTRY_OTHER, .unit = true};

	if (cgroup_name_is_slice(name)) {
		entry.kind = CGROUP_ENTRY_FOLDER;
		entry.folder_kind = CGROUP_FOLDER_SLICE;
	} else if (top ? cgroup_name_is_top_level(name) : cgroup_name_is_unit(name)) {
		entry.kind = CGROUP_ENTRY_SHOWN;
	}
	return entry;
}

struct cgroup_entry cgroup_entry_of(enum cgroup_folder_kind folder, const char *name)
{
	switch (folder) {
	case CGROUP_FOLDER_KUBEPODS:
	case CGROUP_FOLDER_QOS:
		return entry_of_kubepods(folder == CGROUP_FOLDER_KUBEPODS, name);
	case CGROUP_FOLDER_POD:
		return entry_of_pod(name);
	case CGROUP_FOLDER_UNITS:
	case CGROUP_FOLDER_SLICE:
		return entry_of_units(folder == CGROUP_FOLDER_UNITS, name);
	}
	return (struct cgroup_entry){.kind = CGROUP_ENTRY_OTHER};
}
