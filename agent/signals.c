#include "agent/signals.h"

#include "agent/figures.h"
#include "agent/signal_network.h"
#include "agent/signal_network_drops.h"
#include "agent/signal_oom.h"
#include "agent/signal_run_queue.h"
#include "agent/signal_tcp.h"
#include "base/log.h"

#include <stdio.h>

static const struct signal_kind *const KINDS[] = {
	&signal_network,
	&signal_network_drops,
	&signal_tcp,
	&signal_oom,
	&signal_run_queue,
};
#define KIND_COUNT (sizeof(KINDS) / sizeof(KINDS[0]))

_Static_assert(KIND_COUNT <= SIGNALS_MAX, "SIGNALS_MAX is too small");

const struct signal_kind *signals_at(size_t index)
{
	return index < KIND_COUNT ? KINDS[index] : NULL;
}

field_set signals_fields_of(const struct signal_kind *kind)
{
	field_set fields = 0;

	for (size_t i = 0; i < kind->field_count; i++)
		fields |= FIELD_BIT(kind->fields[i]);
	return fields;
}

field_set signals_fields(void)
{
	field_set fields = 0;

	for (size_t i = 0; i < KIND_COUNT; i++)
		fields |= signals_fields_of(KINDS[i]);
	return fields;
}

field_set signals_network_fields(void)
{
	field_set fields = 0;

	for (size_t i = 0; i < KIND_COUNT; i++)
		if (KINDS[i]->network)
			fields |= signals_fields_of(KINDS[i]);
	return fields;
}

/* Writes the names of the metrics that need one of `fields`, and of what is wanted have all. */
static void name_metrics(field_set fields, field_set wanted, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (enum metric metric = 0; metric < METRIC_COUNT && length < size; metric++) {
		field_set needs = figures_fields(METRIC_BIT(metric), METRIC_SCOPE_CONTAINER);

		if (!(needs & fields) || (needs & ~wanted))
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%s",
			length > 0 ? ", " : "", metric_info(metric)->name);
	}
}

static void say_missing(const struct signal_kind *kind, const struct signal_options *options,
	field_set files, const char *why)
{
	field_set fields = signals_fields_of(kind) & options->wanted;
	char absent[800], read[800];

	name_metrics(fields & ~files, options->wanted, absent, sizeof(absent));
	name_metrics(fields & files, options->wanted, read, sizeof(read));
	log_warn("the signal %s is not used: %s%s%s%s%s%s", kind->name, why,
		*absent ? "; absent: " : "", absent, *read ? "; read from files: " : "", read,
		"; nothing else suffers");
}

size_t signals_open(const struct signal_options *options, field_set files,
	struct source *ret_opened[SIGNALS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct error why;
		struct source *source;

		if (!(signals_fields_of(KINDS[i]) & options->wanted))
			continue;
		source = KINDS[i]->open(options, &why);
		if (source)
			ret_opened[count++] = source;
		else
			say_missing(KINDS[i], options, files, why.message);
	}
	return count;
}
