#include "base/telemetry.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct telemetry_histogram {
	const struct telemetry_bucket *buckets;
	size_t count;
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t hits[TELEMETRY_MAX_BUCKETS + 1]; /* of each alone; the last has no end */
};

struct entry {
	struct telemetry_series series; /* or else the histogram */
	struct telemetry_histogram *histogram;
	const char *name, *help, *type, *label, *label_value;
	struct entry *next;
};

struct telemetry {
	pthread_mutex_t lock; /* guards the list; the values are atomic */
	struct entry *first;
};

/* Take the updates of what could not be registered. */
static struct telemetry_series unregistered;
static struct telemetry_histogram unregistered_histogram;

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
		free(entry->histogram);
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

/* NULL when memory is short. */
static struct entry *find_or_add(struct telemetry *telemetry, const struct entry *wanted)
{
	struct entry *entry, **place;

	for (entry = telemetry->first; entry; entry = entry->next)
		if (strcmp(entry->name, wanted->name) == 0 &&
			same_label(entry, wanted->label, wanted->label_value))
			return entry;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry, wanted, sizeof(*entry));
	place = place_of(telemetry, wanted->name);
	entry->next = *place;
	*place = entry;
	return entry;
}

static struct telemetry_series *add(struct telemetry *telemetry, const struct entry *wanted)
{
	struct entry *entry;

	(void)pthread_mutex_lock(&telemetry->lock);
	entry = find_or_add(telemetry, wanted);
	(void)pthread_mutex_unlock(&telemetry->lock);
	return entry ? &entry->series : &unregistered;
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

struct telemetry_histogram *telemetry_histogram(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value,
	const struct telemetry_bucket *buckets, size_t count)
{
	const struct entry wanted = {.name = name,
		.help = help,
		.type = "histogram",
		.label = label,
		.label_value = label_value};
	struct telemetry_histogram *histogram = NULL;
	struct entry *entry;

	(void)pthread_mutex_lock(&telemetry->lock);
	entry = find_or_add(telemetry, &wanted);
	if (entry && !entry->histogram) {
		entry->histogram = calloc(1, sizeof(*entry->histogram));
		if (entry->histogram) {
			entry->histogram->buckets = buckets;
			entry->histogram->count = count;
		}
	}
	if (entry)
		histogram = entry->histogram;
	(void)pthread_mutex_unlock(&telemetry->lock);
	return histogram ? histogram : &unregistered_histogram;
}

void telemetry_observe(struct telemetry_histogram *histogram, uint64_t ns)
{
	size_t i = 0;

	while (i < histogram->count && ns > histogram->buckets[i].up_to_ns)
		i++;
	atomic_fetch_add_explicit(&histogram->hits[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_ns, ns, memory_order_relaxed);
}

/* `end` of the name: of a histogram "_sum" and its like. */
static void render_name(const struct entry *entry, const char *end, struct buffer *out)
{
	if (entry->label)
		buffer_printf(out, "%s%s{%s=\"%s\"} ", entry->name, end, entry->label,
			entry->label_value);
	else
		buffer_printf(out, "%s%s ", entry->name, end);
}

static void render_bucket(
	const struct entry *entry, const char *seconds, uint64_t hits, struct buffer *out)
{
	if (entry->label)
		buffer_printf(out, "%s_bucket{%s=\"%s\",le=\"%s\"} %" PRIu64 "\n", entry->name,
			entry->label, entry->label_value, seconds, hits);
	else
		buffer_printf(
			out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", entry->name, seconds, hits);
}

static void render_histogram(const struct entry *entry, struct buffer *out)
{
	const struct telemetry_histogram *histogram = entry->histogram;
	uint64_t hits = 0, sum_ns;

	if (!histogram)
		return;
	for (size_t i = 0; i <= histogram->count; i++) {
		hits += atomic_load_explicit(&histogram->hits[i], memory_order_relaxed);
		render_bucket(entry, i < histogram->count ? histogram->buckets[i].seconds : "+Inf",
			hits, out);
	}
	sum_ns = atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
	render_name(entry, "_sum", out);
	buffer_printf(out, "%" PRIu64 ".%09" PRIu64 "\n", sum_ns / (uint64_t)NS_PER_SECOND,
		sum_ns % (uint64_t)NS_PER_SECOND);
	render_name(entry, "_count", out);
	buffer_append_uint(out, hits);
	buffer_append_char(out, '\n');
}

static void render_series(const struct entry *entry, struct buffer *out)
{
	render_name(entry, "", out);
	buffer_append_uint(out, telemetry_get(&entry->series));
	buffer_append_char(out, '\n');
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
		if (strcmp(entry->type, "histogram") == 0)
			render_histogram(entry, out);
		else
			render_series(entry, out);
	}
	(void)pthread_mutex_unlock(&telemetry->lock);
}
