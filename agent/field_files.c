#include "agent/field_files.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* The memory fields in cgroup v1. Its own figures of memory.stat are of the cgroup alone: the
 * total_ ones include the cgroups below, as v2's do. "rss" counts anonymous pages only, like v2's
 * "anon", and "cache" all of the page cache, like "file": mm/memcontrol-v1.c, memcg1_stats[].
 * total_swap is there only when the kernel accounts for swap. */
static const struct {
	enum field field;
	const char *file, *key;
} MEMORY_V1[] = {
	{FIELD_MEMORY_USAGE_BYTES, "memory.usage_in_bytes", ""},
	{FIELD_MEMORY_INACTIVE_FILE_BYTES, "memory.stat", "total_inactive_file"},
	{FIELD_MEMORY_ANON_BYTES, "memory.stat", "total_rss"},
	{FIELD_MEMORY_FILE_BYTES, "memory.stat", "total_cache"},
	{FIELD_MEMORY_SWAP_BYTES, "memory.stat", "total_swap"},
	{FIELD_MEMORY_PEAK_BYTES, "memory.max_usage_in_bytes", ""},
	{FIELD_MEMORY_LIMIT_BYTES, "memory.limit_in_bytes", ""},
	{FIELD_OOM_KILLS, "memory.oom_control", "oom_kill"},
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_pressure(const char *file)
{
	return ends_with(file, ".pressure");
}

static enum field_file_format format_of(enum field field, const char *file, const char *key)
{
	if (is_pressure(file))
		return FIELD_FILE_PRESSURE;
	if (field == FIELD_MEMORY_LIMIT_BYTES)
		return FIELD_FILE_LIMIT;
	if (key[0] == '\0')
		return FIELD_FILE_NUMBER;
	return strcmp(file, "io.stat") == 0 ? FIELD_FILE_NESTED : FIELD_FILE_FLAT;
}

/* Pressure files are dear (the kernel adds up all CPUs under a lock); limits and huge pages hardly
 * ever change. */
static bool is_slow(enum field field, const char *file)
{
	return is_pressure(file) || field == FIELD_MEMORY_LIMIT_BYTES ||
	       field == FIELD_HUGETLB_2MB_BYTES || field == FIELD_HUGETLB_1GB_BYTES;
}

/* In nanoseconds, where the kernel says microseconds. */
static uint64_t scale_of(enum field field, const char *key)
{
	return ends_with(key, "_usec") || field == FIELD_IO_LATENCY_NS ||
			       is_pressure(field_info(field)->file)
		       ? NS_PER_USEC
		       : 1;
}

/* Adds `field` to its file, which becomes a new one if there is none yet. */
static void add_field(struct field_file *files, size_t *count, enum field field, const char *name,
	const char *key, bool memory_v1)
{
	struct field_file *file = files;
	size_t i;

	while (file < files + *count && strcmp(file->name, name) != 0)
		file++;
	if (file == files + *count) {
		*file = (struct field_file){.name = name,
			.memory_v1 = memory_v1,
			.slow = is_slow(field, name),
			.format = format_of(field, name, key)};
		(*count)++;
	}
	i = file->count++;
	file->fields |= FIELD_BIT(field);
	file->field[i] = field;
	file->key[i] =
		(struct cgroup_file_key){key, strlen(key), .largest = field == FIELD_IO_LATENCY_NS};
	file->scale[i] = scale_of(field, key);
}

/* Of the memory controller: pressure is every cgroup's, with or without it. */
static bool is_memory(enum field field)
{
	const char *file = field_info(field)->file;

	return strncmp(file, "memory.", strlen("memory.")) == 0 && !is_pressure(file);
}

static bool in_memory_v1(enum field field)
{
	for (size_t i = 0; i < sizeof(MEMORY_V1) / sizeof(MEMORY_V1[0]); i++)
		if (MEMORY_V1[i].field == field)
			return true;
	return false;
}

size_t field_files_of(field_set wanted, bool hybrid, struct field_file ret_files[FIELD_FILES_MAX])
{
	size_t count = 0;

	for (enum field field = 0; field < FIELD_COUNT; field++)
		if (wanted & FIELD_BIT(field) && *field_info(field)->file &&
			!(hybrid && is_memory(field)))
			add_field(ret_files, &count, field, field_info(field)->file,
				field_info(field)->key, false);
	if (!hybrid)
		return count;
	for (size_t i = 0; i < sizeof(MEMORY_V1) / sizeof(MEMORY_V1[0]); i++)
		if (wanted & FIELD_BIT(MEMORY_V1[i].field))
			add_field(ret_files, &count, MEMORY_V1[i].field, MEMORY_V1[i].file,
				MEMORY_V1[i].key, true);
	return count;
}

/* The fields whose cgroup v2 files need the controller `name` ("memory"). */
static field_set fields_of_controller(const char *name)
{
	field_set fields = 0;
	size_t length = strlen(name);

	for (enum field field = 0; field < FIELD_COUNT; field++) {
		const char *file = field_info(field)->file;

		if (strncmp(file, name, length) == 0 && file[length] == '.' && !is_pressure(file))
			fields |= FIELD_BIT(field);
	}
	/* cpu.stat of every cgroup has the usage, with or without the controller. */
	return fields & ~FIELD_BIT(FIELD_CPU_USAGE_NS);
}

/* True when `name` is a word of `text`. */
static bool has_word(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; (at = strstr(at, name)) != NULL; at += length)
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[length]))
			return true; /* strchr finds the terminating NUL too */
	return false;
}

/* The memory fields that v1 has no file for; each is logged. */
static field_set missing_in_v1(field_set wanted)
{
	field_set missing = 0;

	for (enum field field = 0; field < FIELD_COUNT; field++) {
		if (!(wanted & FIELD_BIT(field)) || !is_memory(field) || in_memory_v1(field))
			continue;
		log_info("cgroup v1's memory controller has nothing like %s %s: the figure is "
			 "absent",
			field_info(field)->file, field_info(field)->key);
		missing |= FIELD_BIT(field);
	}
	return missing;
}

field_set field_files_missing(const struct hierarchy *hierarchy, field_set wanted)
{
	static const char *const CONTROLLERS[] = {"cpu", "memory", "hugetlb", "pids", "io"};
	char path[sizeof(hierarchy->v2) + 32];
	struct buffer text = {0};
	field_set missing = hierarchy_is_hybrid(hierarchy) ? missing_in_v1(wanted) : 0;

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", hierarchy->v2);
	if (file_read(path, 4096, &text, NULL) < 0 || !buffer_terminate(&text))
		goto out;
	for (size_t i = 0; i < sizeof(CONTROLLERS) / sizeof(CONTROLLERS[0]); i++) {
		const char *name = CONTROLLERS[i];
		field_set fields = fields_of_controller(name) & wanted;

		if (!fields || has_word(text.data, name) ||
			(hierarchy_is_hybrid(hierarchy) && strcmp(name, "memory") == 0))
			continue;
		log_info("the controller %s is not in the cgroup v2 tree at %s: the "
			 "figures that need it are absent",
			name, hierarchy->v2);
		missing |= fields;
	}
out:
	buffer_free(&text);
	return missing;
}
