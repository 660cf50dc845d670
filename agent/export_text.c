#include "agent/export_text.h"

#include "agent/export_head.h"
#include "agent/figures.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FAMILIES (METRIC_COUNT + 16)
#define LOOK_EACH    16 /* samples between two looks at the clock */

enum source {
	OF_ROW,        /* a metric of each container */
	OF_CONTAINER,  /* a counter of each container that goes on when it restarts */
	OF_PAGE_SIZE,  /* huge pages of each container, by their size */
	OF_POD_LEDGER, /* a counter of each pod, gone containers included */
	OF_POD_SUM,    /* a level of each pod: the sum of its containers' */
	OF_NODE,       /* a metric of the node */
	ROW_STARTED,
	ROW_SEEN,
	NODE_CPUS,
	NODE_MEMORY,
	NO_ERROR, /* 0: what can't be read is absent */
};

struct family {
	const char *name, *help;
	enum source source;
	enum metric metric;
	bool counter;
	unsigned parts;  /* bit EXPORT_… */
	char extra[128]; /* label before the others, with its comma */
};

struct export_text {
	struct family families[MAX_FAMILIES];
	uint32_t count;
	field_set fields;
	struct telemetry *telemetry;
	/* of what is being written */
	enum export_part part;
	enum export_format format;
	uint32_t family, item;
	bool headed; /* the family has a sample already */
};

/* Those of which there are files on amd64 (hugetlb.2MB.current). */
static const struct page_size {
	enum field field;
	const char *label;
} PAGES[] = {
	{FIELD_HUGETLB_2MB_BYTES, "pagesize=\"2MB\","},
	{FIELD_HUGETLB_1GB_BYTES, "pagesize=\"1GB\","},
};
#define PAGE_SIZES (sizeof(PAGES) / sizeof(PAGES[0]))

#define ALL      (1U << EXPORT_ALL)
#define CADVISOR (ALL | 1U << EXPORT_CADVISOR)
#define RESOURCE (ALL | 1U << EXPORT_RESOURCE)

/* --- which there are -------------------------------------------------------------------------- */

/* What stands in the kubelet's /metrics/resource beside what is said here by name. */
static unsigned parts_of(enum metric metric)
{
	switch (metric) {
	case METRIC_CPU_USAGE:
	case METRIC_MEMORY_WORKING_SET:
		return CADVISOR | RESOURCE;
	default:
		return metric_info(metric)->scope == METRIC_SCOPE_NODE ? RESOURCE : CADVISOR;
	}
}

/* Of the container's sockets: one series a pod. */
static bool is_of_network(enum metric metric)
{
	enum field field = figures_field(metric);

	return field >= FIELD_NETWORK_RECEIVE_BYTES && field <= FIELD_NETWORK_TRANSMIT_DROPPED;
}

/* Of block devices: with the label device. */
static bool is_of_devices(enum metric metric)
{
	enum field field = figures_field(metric);

	return field >= FIELD_IO_READ_BYTES && field <= FIELD_IO_WRITES;
}

static struct family *add(struct export_text *text, const char *name, const char *help,
	enum source source, unsigned parts)
{
	struct family *family = &text->families[text->count++];

	*family = (struct family){.name = name, .help = help, .source = source, .parts = parts};
	return family;
}

static void add_metric(struct export_text *text, enum metric metric, const char *device)
{
	const struct metric_info *info = metric_info(metric);
	bool per_pod = is_of_network(metric);
	enum source source = info->scope == METRIC_SCOPE_NODE  ? OF_NODE
			     : per_pod                         ? OF_POD_LEDGER
			     : metric == METRIC_OOM_EVENTS     ? OF_CONTAINER
			     : metric == METRIC_MEMORY_HUGETLB ? OF_PAGE_SIZE
							       : OF_ROW;
	struct family *family = add(text, info->prometheus, info->help, source, parts_of(metric));

	family->metric = metric;
	family->counter = info->kind == METRIC_KIND_COUNTER;
	if (per_pod)
		text->fields |= FIELD_BIT(figures_field(metric));
	if (metric == METRIC_CPU_USAGE)
		(void)snprintf(family->extra, sizeof(family->extra), "cpu=\"total\",");
	if (is_of_devices(metric))
		(void)snprintf(family->extra, sizeof(family->extra), "device=\"%s\",", device);
}

/* The kubelet's own, made of those above. */
static void add_derived(struct export_text *text, enum metric of, const char *name,
	const char *help, enum source source)
{
	struct family *family = add(text, name, help, source, RESOURCE);

	family->metric = of;
	family->counter = source == OF_POD_LEDGER;
	if (source == OF_POD_LEDGER)
		text->fields |= FIELD_BIT(figures_field(of));
}

static void add_families(struct export_text *text, metric_set metrics, const char *device)
{
	for (int metric = 0; metric < METRIC_COUNT; metric++)
		if ((metrics & METRIC_BIT(metric)) && *metric_info((enum metric)metric)->prometheus)
			add_metric(text, (enum metric)metric, device);
	if (metrics & METRIC_BIT(METRIC_CPU_USAGE))
		add_derived(text, METRIC_CPU_USAGE, "pod_cpu_usage_seconds_total",
			"CPU time used by the pod's containers", OF_POD_LEDGER);
	if (metrics & METRIC_BIT(METRIC_MEMORY_WORKING_SET))
		add_derived(text, METRIC_MEMORY_WORKING_SET, "pod_memory_working_set_bytes",
			"Working set of the pod's containers", OF_POD_SUM);
	if (metrics & METRIC_BIT(METRIC_MEMORY_SWAP)) {
		add_derived(text, METRIC_MEMORY_SWAP, "container_swap_usage_bytes",
			"Memory that was swapped out", OF_ROW);
		add_derived(text, METRIC_MEMORY_SWAP, "pod_swap_usage_bytes",
			"Memory of the pod's containers that was swapped out", OF_POD_SUM);
	}
	(void)add(text, "container_start_time_seconds",
		"When the container started, in seconds since 1970", ROW_STARTED,
		CADVISOR | RESOURCE);
	(void)add(text, "container_last_seen",
		"When the container was looked at, in seconds since 1970", ROW_SEEN, CADVISOR);
	(void)add(text, "machine_cpu_cores", "CPUs of the node", NODE_CPUS, CADVISOR);
	(void)add(text, "machine_memory_bytes", "Memory of the node", NODE_MEMORY, CADVISOR);
	(void)add(text, "resource_scrape_error", "Always 0: what can't be read is absent", NO_ERROR,
		RESOURCE);
	(void)add(text, "scrape_error", "As resource_scrape_error", NO_ERROR, RESOURCE);
}

struct export_text *export_text_new(
	metric_set metrics, const char *device, struct telemetry *telemetry)
{
	struct export_text *text = calloc(1, sizeof(*text));

	if (!text)
		return NULL;
	text->telemetry = telemetry;
	add_families(text, metrics, device);
	return text;
}

void export_text_free(struct export_text *text)
{
	free(text);
}

field_set export_text_fields(const struct export_text *text)
{
	return text->fields;
}

const char *export_text_type(enum export_format format)
{
	return format == EXPORT_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

/* --- one sample ------------------------------------------------------------------------------- */

/* In an nth of the base unit: 9 for what the kernel counts in ns. */
static int decimals_of(const struct family *family)
{
	if (family->source == OF_CONTAINER || family->source == OF_PAGE_SIZE)
		return 0;
	if (family->source != OF_ROW && family->source != OF_POD_LEDGER &&
		family->source != OF_POD_SUM && family->source != OF_NODE)
		return family->source == ROW_STARTED || family->source == ROW_SEEN ? 3 : 0;
	switch (metric_info(family->metric)->unit) {
	case METRIC_UNIT_NANOCORES:
	case METRIC_UNIT_NANOSECONDS_PER_SECOND:
	case METRIC_UNIT_NANOSECONDS:
		return 9;
	default:
		return 0;
	}
}

/* `decimals` is 0, 3 or 9; zeros at the end are not written. */
static void append_decimal(struct buffer *out, uint64_t value, int decimals)
{
	uint64_t unit = decimals == 9 ? NS_PER_SECOND : decimals == 3 ? 1000 : 1;
	uint64_t part = value % unit;
	char digits[16];

	buffer_append_uint(out, value / unit);
	if (part == 0)
		return;
	for (int i = decimals; i > 0; i--, part /= 10)
		digits[i] = (char)('0' + part % 10);
	digits[0] = '.';
	while (digits[decimals] == '0')
		decimals--;
	buffer_append(out, digits, (size_t)decimals + 1);
}

/* As cAdvisor does: a container without a CPU limit has no periods to be throttled in. */
static bool is_without_periods(enum metric metric, const struct reading *reading)
{
	return (metric == METRIC_CPU_PERIODS || metric == METRIC_CPU_THROTTLED_PERIODS ||
		       metric == METRIC_CPU_THROTTLED_TIME) &&
	       (reading->valid & FIELD_BIT(FIELD_CPU_PERIODS)) &&
	       reading->value[FIELD_CPU_PERIODS] == 0;
}

static bool pod_sum(const struct export_snapshot *snapshot, const struct export_pod *pod,
	enum metric metric, uint64_t *ret_value)
{
	uint64_t sum = 0, value;

	for (uint32_t row = pod->first_row; row < pod->first_row + pod->rows; row++) {
		if (!figures_raw(metric, &snapshot->rows[row].reading, &value))
			return false;
		sum += value;
	}
	*ret_value = sum;
	return true;
}

static uint32_t items_of(const struct family *family, const struct export_snapshot *snapshot)
{
	switch (family->source) {
	case OF_ROW:
	case OF_CONTAINER:
	case ROW_STARTED:
	case ROW_SEEN:
		return snapshot->row_count;
	case OF_PAGE_SIZE:
		return snapshot->row_count * PAGE_SIZES;
	case OF_POD_LEDGER:
	case OF_POD_SUM:
		return snapshot->pod_count;
	case OF_NODE:
	case NODE_CPUS:
	case NODE_MEMORY:
	case NO_ERROR:
	default:
		return 1;
	}
}

static bool value_of_row(const struct family *family, const struct export_snapshot *snapshot,
	uint32_t item, uint64_t *ret_value)
{
	const struct export_row *row = &snapshot->rows[item];

	if (row->reading.gone)
		return false;
	if (family->source == OF_CONTAINER && !row->newest)
		return false;
	if (family->source == OF_ROW || family->source == OF_CONTAINER)
		return !is_without_periods(family->metric, &row->reading) &&
		       figures_raw(family->metric, &row->reading, ret_value);
	*ret_value = family->source == ROW_SEEN ? snapshot->timestamp_ms : row->started_ms;
	return *ret_value != 0;
}

static bool value_of_pod(const struct family *family, const struct export_snapshot *snapshot,
	uint32_t item, uint64_t *ret_value)
{
	const struct export_pod *pod = &snapshot->pods[item];
	enum field field = figures_field(family->metric);

	if (family->source == OF_POD_SUM)
		return pod_sum(snapshot, pod, family->metric, ret_value);
	if (!(pod->told & FIELD_BIT(field)))
		return false;
	*ret_value = pod->total[field];
	return true;
}

static bool value_of_pages(
	const struct reading *reading, const struct page_size *size, uint64_t *ret_value)
{
	*ret_value = reading->value[size->field];
	return !reading->gone && (reading->valid & FIELD_BIT(size->field));
}

/* False: there is none. */
static bool value_of(const struct family *family, const struct export_snapshot *snapshot,
	uint32_t item, uint64_t *ret_value, struct export_labels *ret_labels)
{
	const struct export_row *row;

	*ret_labels = (struct export_labels){0, 0};
	switch (family->source) {
	case OF_CONTAINER:
		row = &snapshot->rows[item];
		*ret_labels = (struct export_labels){row->labels.start, row->lasting};
		return value_of_row(family, snapshot, item, ret_value);
	case OF_PAGE_SIZE:
		row = &snapshot->rows[item / PAGE_SIZES];
		*ret_labels = row->labels;
		return value_of_pages(&row->reading, &PAGES[item % PAGE_SIZES], ret_value);
	case OF_ROW:
	case ROW_STARTED:
	case ROW_SEEN:
		*ret_labels = snapshot->rows[item].labels;
		return value_of_row(family, snapshot, item, ret_value);
	case OF_POD_LEDGER:
	case OF_POD_SUM:
		*ret_labels = is_of_network(family->metric) ? snapshot->pods[item].network_labels
							    : snapshot->pods[item].labels;
		return value_of_pod(family, snapshot, item, ret_value);
	case OF_NODE:
		return figures_raw(family->metric, &snapshot->node, ret_value);
	case NODE_CPUS:
		*ret_value = snapshot->capacity.cpus;
		return true;
	case NODE_MEMORY:
		*ret_value = snapshot->capacity.memory_bytes;
		return true;
	case NO_ERROR:
	default:
		*ret_value = 0;
		return true;
	}
}

/* The help of a rate is that of a counter without these words. */
static size_t help_length(const char *help)
{
	static const char *const ENDS[] = {", as a rate over the window", ", per second"};
	size_t length = strlen(help);

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		size_t end = strlen(ENDS[i]);

		if (length > end && strcmp(help + length - end, ENDS[i]) == 0)
			return length - end;
	}
	return length;
}

static void append_head(
	const struct export_text *text, const struct family *family, struct buffer *out)
{
	const struct export_head head = {
		.name = family->name,
		.help = family->help,
		.help_length = family->counter ? help_length(family->help) : strlen(family->help),
		.counter = family->counter,
	};

	export_head_append(&head, text->format == EXPORT_OPENMETRICS, out);
}

static void append_sample(struct export_text *text, const struct export_snapshot *snapshot,
	const struct family *family, struct buffer *out)
{
	struct export_labels labels;
	uint64_t value;

	if (!value_of(family, snapshot, text->item, &value, &labels))
		return;
	if (!text->headed)
		append_head(text, family, out);
	text->headed = true;
	buffer_append_string(out, family->name);
	if (labels.length > 0) {
		buffer_append_char(out, '{');
		buffer_append_string(out, family->source == OF_PAGE_SIZE
						  ? PAGES[text->item % PAGE_SIZES].label
						  : family->extra);
		buffer_append(out, snapshot->text.data + labels.start, labels.length);
		buffer_append_char(out, '}');
	}
	buffer_append_char(out, ' ');
	append_decimal(out, value, decimals_of(family));
	buffer_append_char(out, '\n');
}

/* --- the whole -------------------------------------------------------------------------------- */

void export_text_begin(struct export_text *text, enum export_part part, enum export_format format)
{
	text->part = part;
	text->format = format;
	text->family = text->item = 0;
	text->headed = false;
}

static void next_family(struct export_text *text)
{
	text->family++;
	text->item = 0;
	text->headed = false;
}

bool export_text_step(struct export_text *text, const struct export_snapshot *snapshot,
	uint64_t until_ns, struct buffer *out)
{
	for (uint32_t samples = 1; text->family < text->count; samples++) {
		const struct family *family = &text->families[text->family];

		if (!(family->parts & 1U << text->part) ||
			text->item >= items_of(family, snapshot)) {
			next_family(text);
			continue;
		}
		append_sample(text, snapshot, family, out);
		text->item++;
		if (samples % LOOK_EACH == 0 && clock_monotonic_ns() >= until_ns)
			return false;
	}
	if (text->part == EXPORT_ALL)
		export_head_telemetry(text->telemetry, text->format == EXPORT_OPENMETRICS, out);
	if (text->format == EXPORT_OPENMETRICS)
		buffer_append_string(out, "# EOF\n");
	return true;
}
