#include "agent/export_ledger.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SWEEP_NS (60 * NS_PER_SECOND)

struct pod {
	char uid[POD_UID_SIZE];
	uint64_t seen_ns, seen_round;
	field_set told; /* some container has told */
	uint64_t total[LEDGER_MAX_FIELDS];
	UT_hash_handle hh;
};

/* What is known of the cgroup at a slot. */
struct container {
	uint64_t id; /* 0 = none */
	uint64_t round, started_ms;
	struct pod *pod; /* of `round`; NULL: there was no room */
	/* Of one older than the agent: what it had counted before the first look is no growth. */
	field_set unseen;
	uint64_t last[LEDGER_MAX_FIELDS];
};

struct export_ledger {
	enum field fields[LEDGER_MAX_FIELDS];
	uint32_t field_count;
	char *v2;
	struct pod *pods;
	struct container *containers;
	uint32_t capacity;
	uint64_t round, swept_ns;
	struct telemetry_series *without;
};

struct export_ledger *export_ledger_new(
	field_set fields, const char *v2, struct telemetry *telemetry)
{
	struct export_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->v2 = strdup(v2);
	if (!ledger->v2) {
		free(ledger);
		return NULL;
	}
	for (int field = 0; field < FIELD_COUNT; field++)
		if ((fields & FIELD_BIT(field)) && ledger->field_count < LEDGER_MAX_FIELDS)
			ledger->fields[ledger->field_count++] = (enum field)field;
	ledger->without = telemetry_counter(telemetry, "tacho_agent_metrics_pods_dropped_total",
		"Pods that /metrics had no room to count for, once each look", NULL, NULL);
	return ledger;
}

void export_ledger_free(struct export_ledger *ledger)
{
	struct pod *pod, *next;

	if (!ledger)
		return;
	HASH_ITER (hh, ledger->pods, pod, next) {
		HASH_DEL(ledger->pods, pod);
		free(pod);
	}
	free(ledger->containers);
	free(ledger->v2);
	free(ledger);
}

static void sweep(struct export_ledger *ledger, uint64_t now_ns)
{
	struct pod *pod, *next;

	if (now_ns - ledger->swept_ns < SWEEP_NS)
		return;
	ledger->swept_ns = now_ns;
	HASH_ITER (hh, ledger->pods, pod, next) {
		if (now_ns - pod->seen_ns < LEDGER_KEEP_NS)
			continue;
		HASH_DEL(ledger->pods, pod);
		free(pod);
	}
}

/* The pod that was seen last the longest ago, and not in the look before this one. */
static void drop_oldest(struct export_ledger *ledger)
{
	struct pod *oldest = NULL;

	for (struct pod *pod = ledger->pods; pod; pod = pod->hh.next)
		if (!oldest || pod->seen_ns < oldest->seen_ns)
			oldest = pod;
	if (!oldest || oldest->seen_round + 1 >= ledger->round) /* a container may have it */
		return;
	HASH_DEL(ledger->pods, oldest);
	free(oldest);
}

/* NULL: there is no room. */
static struct pod *find_or_add(struct export_ledger *ledger, const char *uid, uint64_t now_ns)
{
	struct pod *pod;

	HASH_FIND_STR(ledger->pods, uid, pod);
	if (pod)
		return pod;
	if (HASH_COUNT(ledger->pods) >= LEDGER_MAX_PODS)
		drop_oldest(ledger);
	if (HASH_COUNT(ledger->pods) >= LEDGER_MAX_PODS)
		return NULL;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return NULL;
	(void)snprintf(pod->uid, sizeof(pod->uid), "%s", uid);
	pod->seen_ns = now_ns;
	pod->seen_round = ledger->round;
	HASH_ADD_STR(ledger->pods, uid, pod);
	if (!pod->hh.tbl) { /* memory is short */
		free(pod);
		return NULL;
	}
	return pod;
}

static bool make_room(struct export_ledger *ledger, uint32_t slot)
{
	uint32_t capacity = slot < 64 ? 128 : slot * 2;
	struct container *grown;

	if (slot < ledger->capacity)
		return true;
	grown = realloc(ledger->containers, capacity * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + ledger->capacity, 0, (capacity - ledger->capacity) * sizeof(*grown));
	ledger->containers = grown;
	ledger->capacity = capacity;
	return true;
}

/* Where its creation was not seen, the time of its folder, as cAdvisor does. */
static uint64_t started_ms(
	const struct export_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns)
{
	char path[8192];
	struct stat folder;

	if (cgroup->created_ns)
		return (clock_realtime_ns() - (now_ns - cgroup->created_ns)) / NS_PER_MS;
	if (snprintf(path, sizeof(path), "%s%s", ledger->v2, cgroup->path) >= (int)sizeof(path) ||
		stat(path, &folder) < 0)
		return 0;
	return (uint64_t)folder.st_ctim.tv_sec * 1000 +
	       (uint64_t)folder.st_ctim.tv_nsec / NS_PER_MS;
}

/* A small step back (sources that round differently) is standing still; a large one is a counter
 * that began anew. */
static uint64_t grown_by(uint64_t *last, uint64_t value)
{
	uint64_t grown = value >= *last ? value - *last : 0;

	if (value < *last / 2)
		grown = value;
	else if (value < *last)
		return 0;
	*last = value;
	return grown;
}

static void add_reading(
	struct export_ledger *ledger, struct container *container, const struct reading *reading)
{
	for (uint32_t i = 0; i < ledger->field_count; i++) {
		enum field field = ledger->fields[i];

		if (!(reading->valid & FIELD_BIT(field)))
			continue;
		container->pod->told |= FIELD_BIT(field);
		if (container->unseen & FIELD_BIT(field))
			container->last[i] = reading->value[field];
		container->unseen &= ~FIELD_BIT(field);
		container->pod->total[i] += grown_by(&container->last[i], reading->value[field]);
	}
}

/* Counters that begin with the agent, whatever is older. */
static field_set of_the_agent(void)
{
	field_set fields = 0;

	for (unsigned field = FIELD_NETWORK_RECEIVE_BYTES; field <= FIELD_NETWORK_TRANSMIT_DROPPED;
		field++)
		fields |= FIELD_BIT(field);
	return fields;
}

static void add_row(struct export_ledger *ledger, const struct cgroup *cgroup, const char *uid,
	const struct reading *reading, uint64_t now_ns)
{
	struct container *container;

	if (!make_room(ledger, cgroup->slot))
		return;
	container = &ledger->containers[cgroup->slot];
	if (container->id != cgroup->id)
		*container = (struct container){.id = cgroup->id,
			.started_ms = started_ms(ledger, cgroup, now_ns),
			.unseen = cgroup->created_ns == 0 ? ~of_the_agent() : 0};
	/* who was seen in the last round is not freed in this one */
	if (!container->pod || container->round != ledger->round - 1)
		container->pod = find_or_add(ledger, uid, now_ns);
	container->round = ledger->round;
	if (!container->pod) {
		telemetry_add(ledger->without, 1);
		return;
	}
	container->pod->seen_ns = now_ns;
	container->pod->seen_round = ledger->round;
	if (reading)
		add_reading(ledger, container, reading);
}

void export_ledger_add(struct export_ledger *ledger, const struct roster *roster,
	const struct reading *readings, uint32_t count, uint64_t now_ns)
{
	ledger->round++;
	for (uint32_t p = 0; p < roster->pod_count; p++) {
		const struct roster_pod *pod = &roster->pods[p];

		for (uint32_t r = pod->first_row; r < pod->first_row + pod->rows; r++) {
			const struct cgroup *cgroup = roster->rows[r].cgroup;

			add_row(ledger, cgroup, pod->uid,
				cgroup->slot < count ? &readings[cgroup->slot] : NULL, now_ns);
		}
	}
	sweep(ledger, now_ns);
}

bool export_ledger_pod(
	const struct export_ledger *ledger, const char *uid, enum field field, uint64_t *ret_value)
{
	const struct pod *pod;

	HASH_FIND_STR(ledger->pods, uid, pod);
	if (!pod || !(pod->told & FIELD_BIT(field)))
		return false;
	for (uint32_t i = 0; i < ledger->field_count; i++)
		if (ledger->fields[i] == field) {
			*ret_value = pod->total[i];
			return true;
		}
	return false;
}

uint64_t export_ledger_started_ms(const struct export_ledger *ledger, const struct cgroup *cgroup)
{
	if (cgroup->slot >= ledger->capacity || ledger->containers[cgroup->slot].id != cgroup->id)
		return 0;
	return ledger->containers[cgroup->slot].started_ms;
}
