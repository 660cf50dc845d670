#include "agent/source_files.h"

#include "agent/field_files.h"
#include "agent/held_files.h"
#include "agent/slow_fields.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Files and keys that were absent are looked for again this often: a controller can be switched on
 * later. */
#define RETRY_ABSENT_NS (60 * NS_PER_SECOND)
/* A runtime makes the folder in the v1 memory hierarchy a moment after the v2 one: until a cgroup
 * has been known this long, v1 files are looked for at every reading. */
#define YOUNG_NS        (30 * NS_PER_SECOND)

enum trouble {
	TROUBLE_OPEN,
	TROUBLE_READ,
	TROUBLE_TOO_LONG,
	TROUBLE_MALFORMED,
	TROUBLE_TOO_LARGE,
	TROUBLE_MEMORY,
	TROUBLE_COUNT,
};

static const char *const TROUBLE_REASONS[TROUBLE_COUNT] = {
	"open", "read", "too_long", "malformed", "too_large", "memory"};

struct entry {
	const struct cgroup *cgroup; /* NULL: the slot is free */
	uint64_t added_ns;
	field_set absent; /* not in the cgroup's files when they were last looked for */
};

struct source_files {
	struct source base;
	struct field_file files[FIELD_FILES_MAX];
	size_t file_count;
	field_set given, slow_given;
	struct held_files *held;
	struct slow_fields *slow;
	struct entry *entries; /* [slot] */
	uint32_t capacity;
	uint64_t retry_ns;
	field_set said_absent;
	bool said[TROUBLE_COUNT];
	struct telemetry_series *errors[TROUBLE_COUNT];
	char buffer[CGROUP_FILE_MAX];
};

static void complain(struct source_files *source, enum trouble trouble, const struct cgroup *cgroup,
	const char *file, const char *why)
{
	telemetry_add(source->errors[trouble], 1);
	if (source->said[trouble])
		return;
	source->said[trouble] = true;
	log_warn("reading %s of cgroup %s: %s: the figure is left out; said once, counted in "
		 "tacho_agent_read_errors_total{reason=\"%s\"}",
		file, cgroup->path, why, TROUBLE_REASONS[trouble]);
}

static void mark_absent(struct source_files *source, struct entry *entry, field_set fields)
{
	entry->absent |= fields;
	fields &= ~source->said_absent;
	source->said_absent |= fields;
	for (enum field field = 0; field < FIELD_COUNT; field++)
		if (fields & FIELD_BIT(field))
			log_info("cgroup %s has no %s %s: the figure is absent there and wherever "
				 "else it is missing; said once",
				entry->cgroup->path, field_info(field)->file,
				field_info(field)->key);
}

static enum trouble trouble_of(int code)
{
	switch (-code) {
	case EFBIG:
		return TROUBLE_TOO_LONG;
	case ENOMEM:
		return TROUBLE_MEMORY;
	case EMFILE:
	case ENFILE:
	case EACCES:
	case EPERM:
		return TROUBLE_OPEN;
	default:
		return TROUBLE_READ;
	}
}

/* A file that can't be opened or read. False when that is because the cgroup is gone: its files
 * then give ENODEV, as those of a controller that was switched off do. */
static bool lost_file(struct source_files *source, struct entry *entry, size_t i, int code)
{
	const struct field_file *file = &source->files[i];
	/* EOPNOTSUPP: pressure, where it was switched off by cgroup.pressure */
	bool missing = code == -ENOENT || code == -ENODEV || code == -EOPNOTSUPP;
	char text[128];

	held_files_drop(source->held, entry->cgroup, i);
	if (!missing) {
		complain(source, trouble_of(code), entry->cgroup, file->name,
			strerror_r(-code, text, sizeof(text)));
		return true;
	}
	if (!held_files_cgroup_exists(source->held, entry->cgroup))
		return false;
	if (!file->memory_v1 || clock_monotonic_ns() - entry->added_ns >= YOUNG_NS)
		mark_absent(source, entry, file->fields);
	return true;
}

static struct cgroup_file_result parse(const struct field_file *file, const char *text,
	size_t length, uint64_t values[FIELD_FILE_KEYS])
{
	struct cgroup_file_result result = {0};
	int r;

	switch (file->format) {
	case FIELD_FILE_NUMBER:
		r = cgroup_file_number(text, length, &values[0]);
		result.found = r == 0;
		result.malformed = r == -EINVAL;
		result.too_large = r == -ERANGE;
		break;
	case FIELD_FILE_LIMIT:
		r = cgroup_file_limit(text, length, &values[0]);
		result.found = r == 0;
		result.malformed = r == -EINVAL;
		result.too_large = r == -ERANGE;
		break;
	case FIELD_FILE_PRESSURE:
		result = cgroup_file_pressure(text, length, file->key, file->count, values);
		break;
	case FIELD_FILE_FLAT:
		result = cgroup_file_flat(text, length, file->key, file->count, values);
		break;
	case FIELD_FILE_NESTED:
		result = cgroup_file_nested(text, length, file->key, file->count, values);
		break;
	}
	return result;
}

/* Puts the numbers of a file into the reading, those that are in `want`. */
static void take(struct source_files *source, struct entry *entry, const struct field_file *file,
	size_t length, field_set want, struct reading *reading)
{
	uint64_t values[FIELD_FILE_KEYS] = {0}, value;
	struct cgroup_file_result result = parse(file, source->buffer, length, values);

	for (size_t i = 0; i < file->count; i++) {
		uint32_t bit = (uint32_t)1 << i;
		field_set field = FIELD_BIT(file->field[i]);

		if (!(want & field))
			continue;
		if (result.malformed & bit) {
			complain(source, TROUBLE_MALFORMED, entry->cgroup, file->name,
				"not a number");
		} else if (result.too_large & bit ||
			   __builtin_mul_overflow(values[i], file->scale[i], &value)) {
			complain(source, TROUBLE_TOO_LARGE, entry->cgroup, file->name,
				"a number beyond 64 bits");
		} else if (!(result.found & bit)) {
			/* no limit is nothing to tell of, and may come any time */
			if (file->format != FIELD_FILE_LIMIT)
				mark_absent(source, entry, field);
		} else {
			reading->value[file->field[i]] = value;
			reading->valid |= field;
		}
	}
}

/* False when the cgroup is gone. */
static bool read_file(struct source_files *source, struct entry *entry, size_t i, field_set want,
	struct reading *reading)
{
	int fd = held_files_get(source->held, entry->cgroup, i);
	uint64_t before, after;
	ssize_t length;

	if (fd < 0)
		return lost_file(source, entry, i, fd);
	before = clock_monotonic_ns();
	length = cgroup_file_read(fd, source->buffer);
	after = clock_monotonic_ns();
	held_files_put(source->held, entry->cgroup, i, fd);
	if (length < 0)
		return lost_file(source, entry, i, (int)length);
	take(source, entry, &source->files[i], (size_t)length, want, reading);
	if (reading->at_ns == 0 || want & FIELD_BIT(FIELD_CPU_USAGE_NS))
		reading->at_ns = before + (after - before) / 2;
	return true;
}

static void read_cgroup(
	struct source_files *source, struct entry *entry, field_set fields, struct reading *reading)
{
	field_set slow = source->slow_given & fields & ~reading->valid;
	uint32_t slot = entry->cgroup->slot;
	uint64_t now = slow ? clock_monotonic_ns() : 0;
	bool due = slow && slow_fields_due(source->slow, slot, now);

	if (slow && !due) {
		slow_fields_recall(source->slow, slot, slow, reading);
		fields &= ~slow;
	}
	for (size_t i = 0; i < source->file_count; i++) {
		field_set want =
			source->files[i].fields & fields & ~reading->valid & ~entry->absent;

		if (!want || read_file(source, entry, i, want, reading))
			continue;
		*reading = (struct reading){.at_ns = clock_monotonic_ns(), .gone = true};
		held_files_drop_cgroup(source->held, entry->cgroup->slot);
		break;
	}
	if (due)
		slow_fields_keep(source->slow, slot, now, slow, reading);
	held_files_leave(source->held);
}

/* --- the interface --------------------------------------------------------------------------- */

static struct source_files *of(struct source *source)
{
	return (struct source_files *)source;
}

static field_set files_fields(const struct source *source)
{
	return ((const struct source_files *)source)->given;
}

static int make_room(struct source_files *source, uint32_t slots)
{
	uint32_t capacity = (slots | 63) + 1;
	struct entry *entries;

	if (slots <= source->capacity)
		return 0;
	if (held_files_reserve(source->held, capacity) < 0 ||
		slow_fields_reserve(source->slow, capacity) < 0)
		return -ENOMEM;
	entries = reallocarray(source->entries, capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	memset(entries + source->capacity, 0, (capacity - source->capacity) * sizeof(*entries));
	source->entries = entries;
	source->capacity = capacity;
	return 0;
}

static void files_add(struct source *base, const struct cgroup *cgroup)
{
	struct source_files *source = of(base);

	if (make_room(source, cgroup->slot + 1) < 0) {
		complain(source, TROUBLE_MEMORY, cgroup, "the files", "out of memory");
		return;
	}
	source->entries[cgroup->slot] =
		(struct entry){.cgroup = cgroup, .added_ns = clock_monotonic_ns()};
	slow_fields_begin(source->slow, cgroup->slot);
}

static void files_remove(struct source *base, const struct cgroup *cgroup)
{
	struct source_files *source = of(base);

	if (cgroup->slot >= source->capacity)
		return;
	held_files_drop_cgroup(source->held, cgroup->slot);
	source->entries[cgroup->slot].cgroup = NULL;
}

static void files_read(
	struct source *base, field_set fields, struct reading *readings, uint32_t count)
{
	struct source_files *source = of(base);
	uint64_t now = clock_monotonic_ns();
	bool retry = now >= source->retry_ns;

	if (retry)
		source->retry_ns = now + RETRY_ABSENT_NS;
	for (uint32_t slot = 0; slot < count && slot < source->capacity; slot++) {
		struct entry *entry = &source->entries[slot];

		if (!entry->cgroup || readings[slot].gone)
			continue;
		if (retry)
			entry->absent = 0;
		read_cgroup(source, entry, fields, &readings[slot]);
	}
}

static void files_rest(struct source *base)
{
	held_files_drop_all(of(base)->held);
}

static void files_free(struct source *base)
{
	struct source_files *source = of(base);

	held_files_free(source->held);
	slow_fields_free(source->slow);
	free(source->entries);
	free(source);
}

static const struct source_ops OPS = {
	.name = "files",
	.fields = files_fields,
	.add = files_add,
	.remove = files_remove,
	.read = files_read,
	.rest = files_rest,
	.free = files_free,
};

struct source *source_files_new(const struct hierarchy *hierarchy, field_set wanted,
	struct telemetry *telemetry, struct error *err)
{
	struct source_files *source = calloc(1, sizeof(*source));

	if (!source) {
		error_errno(err, ENOMEM, "making the file source");
		return NULL;
	}
	source->base.ops = &OPS;
	source->file_count = field_files_of(wanted & ~field_files_missing(hierarchy, wanted),
		hierarchy_is_hybrid(hierarchy), source->files);
	for (size_t i = 0; i < source->file_count; i++) {
		source->given |= source->files[i].fields;
		if (source->files[i].slow)
			source->slow_given |= source->files[i].fields;
	}
	for (size_t i = 0; i < TROUBLE_COUNT; i++)
		source->errors[i] = telemetry_counter(telemetry, "tacho_agent_read_errors_total",
			"Figures that could not be read from a cgroup's files", "reason",
			TROUBLE_REASONS[i]);
	source->slow = slow_fields_new(source->slow_given);
	if (!source->slow) {
		error_errno(err, ENOMEM, "making the file source");
		files_free(&source->base);
		return NULL;
	}
	source->held = held_files_new(hierarchy, source->files, source->file_count, telemetry, err);
	if (!source->held) {
		files_free(&source->base);
		return NULL;
	}
	return &source->base;
}
