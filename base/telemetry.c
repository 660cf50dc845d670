#include "base/telemetry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct telemetry_series series;
	const char *name, *help, *type, *label, *label_value;
	struct entry *next;
};

struct telemetry {
	pthread_mutex_t lock; /* guards the list; the values are atomic */
	struct entry *first;
};

/* Takes the updates of series that could not be registered. */
static struct telemetry_series unregistered;

struct telemetry *telemetry_new(void)
{
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));

	if (telemetry)
		(void)pthread_mutex_init(&telemetry->lock, NULL);
	return telemetry;
}

void telemetry_free(struct telemetry *telemetry)
{
	if (!telemetry)
		return;
	while (telemetry->first) {
		struct entry *entry = telemetry->first;

		telemetry->first = entry->next;
		free(entry);
	}
	(void)pthread_mutex_destroy(&telemetry->lock);
	free(telemetry);
}

static int same_label(const struct entry *entry, const char *label, const char *label_value)
{
	if (!entry->label || !label)
		return entry->label == label;
	return strcmp(entry->label, label) == 0 && strcmp(entry->label_value, label_value) == 0;
}

/* Where a new series of `name` goes: behind the last one of that name, or at the end. */
static struct entry **place_of(struct telemetry *telemetry, const char *name)
{
	struct entry **place = &telemetry->first, **behind = NULL;

	for (; *place; place = &(*place)->next)
		if (strcmp((*place)->name, name) == 0)
			behind = &(*place)->next;
	return behind ? behind : place;
}

static struct telemetry_series *find_or_add(struct telemetry *telemetry, const struct entry *wanted)
{
	struct entry *entry, **place;

	for (entry = telemetry->first; entry; entry = entry->next)
		if (strcmp(entry->name, wanted->name) == 0 &&
			same_label(entry, wanted->label, wanted->label_value))
			return &entry->series;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return &unregistered;
	memcpy(entry, wanted, sizeof(*entry));
	place = place_of(telemetry, wanted->name);
	entry->next = *place;
	*place = entry;
	return &entry->series;
}

static struct telemetry_series *add(struct telemetry *telemetry, const struct entry *wanted)
{
	struct telemetry_series *series;

	(void)pthread_mutex_lock(&telemetry->lock);
	series = find_or_add(telemetry, wanted);
	(void)pthread_mutex_unlock(&telemetry->lock);
	return series;
}

struct telemetry_series *telemetry_counter(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value)
{
	struct entry wanted = {.name = name,
		.help = help,
		.type = "counter",
		.label = label,
		.label_value = label_value};

	return add(telemetry, &wanted);
}

struct telemetry_series *telemetry_gauge(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value)
{
	struct entry wanted = {.name = name,
		.help = help,
		.type = "gauge",
		.label = label,
		.label_value = label_value};

	return add(telemetry, &wanted);
}

void telemetry_render(struct telemetry *telemetry, struct buffer *out)
{
	const char *name = "";

	(void)pthread_mutex_lock(&telemetry->lock);
	for (const struct entry *entry = telemetry->first; entry; entry = entry->next) {
		if (strcmp(entry->name, name) != 0)
			buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", entry->name, entry->help,
				entry->name, entry->type);
		name = entry->name;
		if (entry->label)
			buffer_printf(
				out, "%s{%s=\"%s\"} ", name, entry->label, entry->label_value);
		else
			buffer_printf(out, "%s ", name);
		buffer_append_uint(out, telemetry_get(&entry->series));
		buffer_append_char(out, '\n');
	}
	(void)pthread_mutex_unlock(&telemetry->lock);
}
