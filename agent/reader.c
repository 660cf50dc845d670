#include "agent/reader.h"

#include "agent/signals.h"
#include "agent/source_bpf.h"
#include "agent/source_compare.h"
#include "agent/source_files.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMPARE_NS       (60 * NS_PER_SECOND)
/* When there was nothing to compare, for the fast source read no cgroup. */
#define COMPARE_AGAIN_NS (10 * NS_PER_SECOND)

struct reader {
	struct source *fast; /* NULL: files only */
	struct source *files;
	struct source *signals[SIGNALS_MAX];
	size_t signal_count;
	field_set signal_fields; /* of the wanted ones, that they give */
	field_set wanted;
	field_set fast_fields; /* that the fast source is asked for */
	field_set mistrusted;  /* differed once: from the files for ever */
	field_set said_unproven;
	uint64_t compare_ns;           /* when to compare next; 0 = at the first cgroup */
	const struct cgroup **cgroups; /* [slot] */
	uint32_t slots;
	uint32_t count; /* cgroups that were added */
	bool said_top, said_signal_top[SIGNALS_MAX];
	struct telemetry_series *mismatches, *missed;
};

/* The fields that both sources have and that did not differ yet. What the files don't have can't be
 * checked, and is absent on this machine. */
static field_set comparable(const struct reader *reader)
{
	return reader->wanted & reader->fast->ops->fields(reader->fast) &
	       reader->files->ops->fields(reader->files) & ~reader->mistrusted &
	       ~reader->signal_fields;
}

struct reader *reader_new_from(
	struct source *fast, struct source *files, field_set wanted, struct telemetry *telemetry)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		if (fast)
			fast->ops->free(fast);
		files->ops->free(files);
		return NULL;
	}
	reader->fast = fast;
	reader->files = files;
	reader->wanted = wanted;
	if (fast)
		reader->fast_fields = comparable(reader);
	reader->mismatches = telemetry_counter(telemetry, "tacho_agent_source_mismatch_total",
		"Fields that the BPF program and the files disagreed about", NULL, NULL);
	reader->missed = telemetry_counter(telemetry, "tacho_agent_bpf_missed_total",
		"Readings of cgroups that the BPF walk did not find", NULL, NULL);
	return reader;
}

int reader_take_signal(struct reader *reader, struct source *signal)
{
	if (reader->signal_count == SIGNALS_MAX) {
		signal->ops->free(signal);
		return -ENOSPC;
	}
	reader->signals[reader->signal_count++] = signal;
	reader->signal_fields |= signal->ops->fields(signal) & reader->wanted;
	if (reader->fast)
		reader->fast_fields &= ~reader->signal_fields;
	return 0;
}

/* Opens the signals of which something is wanted; none is an error. */
static void take_signals(struct reader *reader, const struct reader_options *options)
{
	const struct signal_options signal = {.hierarchy = options->hierarchy,
		.wanted = options->wanted,
		.max_cgroups = options->max_cgroups,
		.window_ns = options->window_ns,
		.oom_ledger = options->oom_ledger,
		.telemetry = options->telemetry};
	struct source *opened[SIGNALS_MAX];
	size_t count;

	if (options->source == READER_SOURCE_FILES) {
		if (options->wanted & signals_fields() & ~reader->files->ops->fields(reader->files))
			log_info("--source=files: no BPF program is loaded, so what only such a "
				 "program can count (network, TCP, run queue) is absent");
		return;
	}
	count = signals_open(&signal, reader->files->ops->fields(reader->files), opened);
	for (size_t i = 0; i < count; i++)
		(void)reader_take_signal(reader, opened[i]); /* there are at most SIGNALS_MAX */
}

/* 0 and NULL when it can't be had and need not be. */
static int new_fast(
	const struct reader_options *options, struct source **ret_fast, struct error *err)
{
	struct error why;

	*ret_fast = NULL;
	if (options->source == READER_SOURCE_FILES)
		return 0;
	*ret_fast = source_bpf_new(
		options->hierarchy, "", options->max_cgroups, options->telemetry, &why);
	if (*ret_fast)
		return 0;
	if (options->source == READER_SOURCE_BPF)
		return error_set(err, EOPNOTSUPP, "%s", why.message);
	log_warn(
		"BPF is not used: %s; counters are read from the cgroups' files, which is as exact "
		"and takes the agent three to four times the CPU (--source=files: BPF is not tried)",
		why.message);
	return 0;
}

struct reader *reader_new(const struct reader_options *options, struct error *err)
{
	struct source *files, *fast;
	struct reader *reader;

	files = source_files_new(options->hierarchy, options->wanted, options->telemetry, err);
	if (!files)
		return NULL;
	if (new_fast(options, &fast, err) < 0) {
		files->ops->free(files);
		return NULL;
	}
	reader = reader_new_from(fast, files, options->wanted, options->telemetry);
	if (reader)
		take_signals(reader, options);
	else
		error_errno(err, ENOMEM, "making the reader");
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	if (reader->fast)
		reader->fast->ops->free(reader->fast);
	for (size_t i = 0; i < reader->signal_count; i++)
		reader->signals[i]->ops->free(reader->signals[i]);
	reader->files->ops->free(reader->files);
	free(reader->cgroups);
	free(reader);
}

/* Remembers the cgroup for the words of a message; without memory it has no name there. */
static void remember(struct reader *reader, const struct cgroup *cgroup)
{
	uint32_t slots = (cgroup->slot | 63) + 1;

	if (slots > reader->slots) {
		const struct cgroup **cgroups =
			reallocarray(reader->cgroups, slots, sizeof(*cgroups));

		if (!cgroups)
			return;
		for (uint32_t slot = reader->slots; slot < slots; slot++)
			cgroups[slot] = NULL;
		reader->cgroups = cgroups;
		reader->slots = slots;
	}
	reader->cgroups[cgroup->slot] = cgroup;
}

void reader_add(struct reader *reader, struct cgroup *cgroup)
{
	reader->count++;
	remember(reader, cgroup);
	if (reader->fast)
		reader->fast->ops->add(reader->fast, cgroup);
	for (size_t i = 0; i < reader->signal_count; i++)
		reader->signals[i]->ops->add(reader->signals[i], cgroup);
	reader->files->ops->add(reader->files, cgroup);
}

void reader_remove(struct reader *reader, struct cgroup *cgroup)
{
	reader->count--;
	if (cgroup->slot < reader->slots)
		reader->cgroups[cgroup->slot] = NULL;
	if (reader->fast)
		reader->fast->ops->remove(reader->fast, cgroup);
	for (size_t i = 0; i < reader->signal_count; i++)
		reader->signals[i]->ops->remove(reader->signals[i], cgroup);
	reader->files->ops->remove(reader->files, cgroup);
}

/* True when the source walks this top now; says once why not. */
static bool set_top(struct source *source, const char *top, bool said, const char *without)
{
	struct error err;

	if (!source->ops->set_top || source->ops->set_top(source, top, &err) == 0)
		return true;
	if (!said)
		log_warn("%s can't start: %s; until it can, %s", source->ops->name, err.message,
			without);
	return false;
}

void reader_set_top(struct reader *reader, const char *top)
{
	if (reader->fast)
		reader->said_top = !set_top(
			reader->fast, top, reader->said_top, "counters are read from files");
	for (size_t i = 0; i < reader->signal_count; i++)
		reader->said_signal_top[i] = !set_top(reader->signals[i], top,
			reader->said_signal_top[i], "its figures are absent");
}

static void say_difference(
	const struct reader *reader, enum field field, const struct source_difference *example)
{
	const struct cgroup *cgroup =
		example->slot < reader->slots ? reader->cgroups[example->slot] : NULL;

	log_warn("%s (%s %s) of cgroup %s: %s says %llu and then %llu, the file in between %llu: "
		 "the file wins for this figure from now on; counted in "
		 "tacho_agent_source_mismatch_total",
		field_info(field)->name, field_info(field)->file, field_info(field)->key,
		cgroup ? cgroup->path : "?", reader->fast->ops->name,
		(unsigned long long)example->before, (unsigned long long)example->after,
		(unsigned long long)example->file);
}

/* Holds the sources against each other and decides which fields the fast one is asked for. Returns
 * when to do it again, in nanoseconds from now. */
static uint64_t compare(struct reader *reader, uint32_t slots)
{
	field_set fields = comparable(reader);
	struct source_comparison comparison;

	if (source_compare(reader->fast, reader->files, fields, slots, &comparison) < 0)
		return COMPARE_AGAIN_NS; /* no memory now */
	for (enum field field = 0; field < FIELD_COUNT; field++) {
		field_set bit = FIELD_BIT(field);

		if (comparison.differ & bit) {
			say_difference(reader, field, &comparison.example[field]);
			telemetry_add(reader->mismatches, 1);
		}
		if (comparison.unproven & ~reader->said_unproven & bit)
			log_info("%s (%s %s) is in no cgroup's files: %s is not believed for it",
				field_info(field)->name, field_info(field)->file,
				field_info(field)->key, reader->fast->ops->name);
	}
	reader->mistrusted |= comparison.differ;
	reader->said_unproven |= comparison.unproven;
	reader->fast_fields = comparable(reader) & ~comparison.unproven;
	if (reader->files->ops->rest)
		reader->files->ops->rest(reader->files);
	return comparison.compared ? COMPARE_NS : COMPARE_AGAIN_NS;
}

/* True when the files have to be read; counts the cgroups that the fast source did not find. */
static bool has_gaps(struct reader *reader, const struct reading *readings, uint32_t slots)
{
	field_set files = reader->files->ops->fields(reader->files) & reader->wanted;
	field_set given = reader->fast_fields | reader->signal_fields;
	/* what others have to give of a cgroup so that its files need not be read */
	field_set expected = reader->fast_fields | (reader->signal_fields & files);
	uint32_t found = 0, whole = 0;

	for (uint32_t slot = 0; slot < slots; slot++) {
		found += (readings[slot].valid & reader->fast_fields) != 0;
		whole += (readings[slot].valid & expected) == expected;
	}
	if (found < reader->count)
		telemetry_add(reader->missed, reader->count - found);
	return whole < reader->count || (files & ~given) != 0;
}

void reader_read(struct reader *reader, struct reading *readings, uint32_t count)
{
	uint64_t now = clock_monotonic_ns();

	if (count > 0) /* else `readings` may be NULL */
		memset(readings, 0, count * sizeof(*readings));
	for (size_t i = 0; i < reader->signal_count; i++)
		reader->signals[i]->ops->read(
			reader->signals[i], reader->signal_fields, readings, count);
	if (reader->fast && reader->count > 0 && now >= reader->compare_ns) {
		reader->compare_ns = now + compare(reader, count);
	}
	if (reader->fast_fields) {
		reader->fast->ops->read(reader->fast, reader->fast_fields, readings, count);
		if (!has_gaps(reader, readings, count))
			return;
	}
	reader->files->ops->read(reader->files, reader->wanted, readings, count);
}

const char *reader_source_of(const struct reader *reader, enum field field)
{
	if (reader->fast_fields & FIELD_BIT(field))
		return reader->fast->ops->name;
	for (size_t i = 0; i < reader->signal_count; i++) {
		const struct source *signal = reader->signals[i];

		if (reader->wanted & signal->ops->fields(signal) & FIELD_BIT(field))
			return signal->ops->name;
	}
	if (reader->wanted & reader->files->ops->fields(reader->files) & FIELD_BIT(field))
		return reader->files->ops->name;
	return "";
}
