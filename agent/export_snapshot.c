#include "agent/export_snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A label's value as both formats escape it: \\, \" and \n. */
static void append_value(struct buffer *out, const char *value)
{
	size_t plain;

	for (;; value += plain + 1) {
		plain = strcspn(value, "\\\"\n");
		buffer_append(out, value, plain);
		if (!value[plain])
			return;
		buffer_append_char(out, '\\');
		buffer_append_char(out, value[plain] == '\n' ? 'n' : value[plain]);
	}
}

static void append_label(struct buffer *out, const char *name, const char *value)
{
	buffer_append_string(out, name);
	buffer_append_string(out, "=\"");
	append_value(out, value);
	buffer_append_char(out, '"');
}

static uint32_t begin_labels(const struct export_snapshot *snapshot)
{
	return (uint32_t)snapshot->text.length;
}

static struct export_labels end_labels(const struct export_snapshot *snapshot, uint32_t start)
{
	return (struct export_labels){start, (uint32_t)snapshot->text.length - start};
}

static int make_room(struct export_snapshot *snapshot, const struct roster *roster)
{
	if (roster->row_count > snapshot->row_capacity) {
		free(snapshot->rows);
		snapshot->row_capacity = 0;
		snapshot->rows = malloc(roster->row_count * sizeof(*snapshot->rows));
		if (!snapshot->rows)
			return -ENOMEM;
		snapshot->row_capacity = roster->row_count;
	}
	if (roster->pod_count > snapshot->pod_capacity) {
		free(snapshot->pods);
		snapshot->pod_capacity = 0;
		snapshot->pods = malloc(roster->pod_count * sizeof(*snapshot->pods));
		if (!snapshot->pods)
			return -ENOMEM;
		snapshot->pod_capacity = roster->pod_count;
	}
	return 0;
}

/* Rows of a pod stand in the order in which their cgroups were made. */
static bool is_newest(const struct roster *roster, const struct roster_pod *pod, uint32_t index)
{
	const char *name = roster->rows[index].container;

	for (uint32_t later = index + 1; later < pod->first_row + pod->rows; later++)
		if (strcmp(roster->rows[later].container, name) == 0)
			return false;
	return *name;
}

static void add_row(struct export_snapshot *snapshot, const struct export_look *look,
	const struct export_ledger *ledger, const struct roster_pod *pod, uint32_t index)
{
	const struct roster_row *from = &look->roster->rows[index];
	const struct cgroup *cgroup = from->cgroup;
	struct export_row *row = &snapshot->rows[snapshot->row_count++];
	struct buffer *text = &snapshot->text;
	uint32_t start = begin_labels(snapshot);

	append_label(text, "container", from->container);
	append_label(text, ",image", EXPORT_IMAGE);
	append_label(text, ",namespace", pod->namespace);
	append_label(text, ",pod", pod->name);
	row->lasting = end_labels(snapshot, start).length;
	row->newest = is_newest(look->roster, pod, index);
	append_label(text, ",id", cgroup->path);
	append_label(text, ",name", cgroup->unit ? cgroup->unit : cgroup->container_id);
	row->labels = end_labels(snapshot, start);
	row->started_ms = export_ledger_started_ms(ledger, cgroup);
	if (cgroup->slot < look->count)
		row->reading = look->readings[cgroup->slot];
	else
		row->reading = (struct reading){0};
}

/* The pod's own cgroup is the folder above; a unit has none above that is its own. */
static void append_pod_path(struct buffer *out, const struct cgroup *cgroup)
{
	const char *end = cgroup->unit ? NULL : strrchr(cgroup->path, '/');
	char *path = end ? strndup(cgroup->path, (size_t)(end - cgroup->path)) : NULL;

	append_label(out, ",id", path ? path : cgroup->path);
	free(path);
}

static void add_pod(struct export_snapshot *snapshot, const struct export_look *look,
	const struct export_ledger *ledger, field_set fields, const struct roster_pod *from)
{
	struct export_pod *pod = &snapshot->pods[snapshot->pod_count++];
	struct buffer *text = &snapshot->text;
	uint32_t start = begin_labels(snapshot);

	append_label(text, "namespace", from->namespace);
	append_label(text, ",pod", from->name);
	pod->labels = end_labels(snapshot, start);
	start = begin_labels(snapshot);
	append_label(text, "container", "");
	append_pod_path(text, look->roster->rows[from->first_row].cgroup);
	append_label(text, ",image", "");
	append_label(text, ",interface", "all");
	append_label(text, ",name", "");
	append_label(text, ",namespace", from->namespace);
	append_label(text, ",pod", from->name);
	pod->network_labels = end_labels(snapshot, start);
	pod->first_row = snapshot->row_count;
	pod->rows = from->rows;
	pod->told = 0;
	for (int field = 0; field < FIELD_COUNT; field++)
		if ((fields & FIELD_BIT(field)) &&
			export_ledger_pod(ledger, from->uid, (enum field)field, &pod->total[field]))
			pod->told |= FIELD_BIT(field);
	for (uint32_t row = from->first_row; row < from->first_row + from->rows; row++)
		add_row(snapshot, look, ledger, from, row);
}

int export_snapshot_take(struct export_snapshot *snapshot, const struct export_look *look,
	const struct export_ledger *ledger, field_set fields)
{
	snapshot->row_count = snapshot->pod_count = 0;
	buffer_clear(&snapshot->text);
	if (make_room(snapshot, look->roster) < 0)
		return -ENOMEM;
	for (uint32_t p = 0; p < look->roster->pod_count; p++) {
		const struct roster_pod *pod = &look->roster->pods[p];

		if (pod->rows > 0 && *pod->name)
			add_pod(snapshot, look, ledger, fields, pod);
	}
	snapshot->node = *look->node;
	snapshot->capacity = look->capacity;
	snapshot->timestamp_ms = look->timestamp_ms;
	return snapshot->text.failed ? -ENOMEM : 0;
}

void export_snapshot_free(struct export_snapshot *snapshot)
{
	buffer_free(&snapshot->text);
	free(snapshot->rows);
	free(snapshot->pods);
	*snapshot = (struct export_snapshot){0};
}
