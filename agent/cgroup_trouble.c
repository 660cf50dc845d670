#include "agent/cgroup_trouble.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *label, *words;
} REFUSALS[CGROUP_REFUSAL_COUNT] = {
	[CGROUP_REFUSAL_LIMIT] = {"limit", "there are more than 65536"},
	[CGROUP_REFUSAL_DEPTH] = {"depth", "it is nested deeper than 16 slices"},
};

void cgroup_trouble_init(
	struct cgroup_trouble *trouble, const char *mount, struct telemetry *telemetry)
{
	trouble->mount = mount;
	trouble->errors = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_errors_total",
		"Cgroup folders that could not be read, or not wholly.", NULL, NULL);
	for (size_t i = 0; i < CGROUP_REFUSAL_COUNT; i++)
		trouble->refused[i] = telemetry_counter(telemetry,
			"tacho_agent_cgroups_refused_total",
			"Cgroups left out, by reason; counted at each reading of their folder.",
			"reason", REFUSALS[i].label);
}

void cgroup_trouble_unreadable(
	struct cgroup_trouble *trouble, struct cgroup_folder *folder, int code)
{
	uint64_t held_back = 0;
	char text[128];

	folder->dirty = true;
	telemetry_add(trouble->errors, 1);
	if (folder->failed)
		return;
	folder->failed = true;
	if (log_allowed(&trouble->said_unreadable, NS_PER_SECOND, &held_back))
		log_warn("looking for cgroups in %s%s: %s; it is tried again each time (%llu more "
			 "like this were held back)",
			trouble->mount, folder->path, strerror_r(code, text, sizeof(text)),
			(unsigned long long)held_back);
}

void cgroup_trouble_memory(struct cgroup_trouble *trouble, struct cgroup_folder *folder)
{
	folder->dirty = true;
	telemetry_add(trouble->errors, 1);
	if (!trouble->said_memory)
		log_error("looking for cgroups in %s%s: out of memory; some are not seen",
			trouble->mount, folder->path);
	trouble->said_memory = true;
}

void cgroup_trouble_refused(struct cgroup_trouble *trouble, const struct cgroup_folder *folder,
	const char *name, enum cgroup_refusal refusal)
{
	telemetry_add(trouble->refused[refusal], 1);
	if (!trouble->said_refused[refusal])
		log_warn("cgroup %s%s/%s is left out: %s (said once; the others are counted)",
			trouble->mount, folder->path, name, REFUSALS[refusal].words);
	trouble->said_refused[refusal] = true;
}

void cgroup_trouble_unwatched(struct cgroup_trouble *trouble, int code)
{
	char text[128];

	if (!trouble->said_unwatched)
		log_warn("watching cgroup folders (inotify): %s; those that are not watched are "
			 "read each time, which costs more CPU%s",
			strerror_r(code, text, sizeof(text)),
			code == ENOSPC ? "; raise fs.inotify.max_user_watches" : "");
	trouble->said_unwatched = true;
}
