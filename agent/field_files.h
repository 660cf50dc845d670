/* Which cgroup file gives which fields: agent/reading.def turned around, and its counterpart for
 * the v1 memory controller. */
#ifndef AGENT_FIELD_FILES_H
#define AGENT_FIELD_FILES_H

#include "agent/cgroup_file.h"
#include "agent/hierarchy.h"
#include "agent/reading.h"

#include <stdbool.h>
#include <stddef.h>

enum field_file_format {
	FIELD_FILE_NUMBER, /* one number */
	FIELD_FILE_LIMIT,  /* one number, or none */
	FIELD_FILE_FLAT,
	FIELD_FILE_NESTED,
	FIELD_FILE_PRESSURE,
};

/* The most files, and the most fields of one file: there are no more than fields. */
#define FIELD_FILES_MAX FIELD_COUNT
#define FIELD_FILE_KEYS FIELD_COUNT

struct field_file {
	const char *name;
	bool memory_v1; /* in the v1 memory hierarchy */
	bool slow;      /* read less often: agent/slow_fields.h */
	enum field_file_format format;
	field_set fields;
	size_t count;
	enum field field[FIELD_FILE_KEYS];
	struct cgroup_file_key key[FIELD_FILE_KEYS];
	uint64_t scale[FIELD_FILE_KEYS]; /* the file's number times this is the field's unit */
};

/* Writes the files that give `wanted` and returns how many they are. With `hybrid`, memory comes
 * from the v1 controller; a field that v1 has no file for is left out. */
size_t field_files_of(field_set wanted, bool hybrid, struct field_file ret_files[FIELD_FILES_MAX]);

/* The fields of `wanted` that no cgroup of this machine has, for their controller is not in the v2
 * tree (cgroup.controllers at the mount point); each such controller is logged. Where that file
 * can't be read nothing is missing: then each cgroup says for itself what it has. */
field_set field_files_missing(const struct hierarchy *hierarchy, field_set wanted);

#endif
