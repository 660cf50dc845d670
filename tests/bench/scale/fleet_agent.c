#include "tests/bench/scale/fleet_agent.h"

#include "agent/roster.h"
#include "agent/wire.h"
#include "base/clock.h"
#include "tests/bench/scale/fleet_figures.h"
#include "tests/bench/scale/fleet_sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of each node: more than its containers' figures add up to. */
#define NODE_CPUS         256
#define NODE_MEMORY_BYTES ((uint64_t)1 << 40)

void fleet_wire_free(struct fleet_wire *wire)
{
	buffer_free(&wire->message);
	sample_free(&wire->sample);
}

/* --- what is said ----------------------------------------------------------------------------- */

void fleet_agent_encode_hello(const struct fleet_agent *agent, struct fleet_wire *wire)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;

	hello.node = wire_string(agent->node->name);
	hello.agent_version = wire_string(TACHO_VERSION);
	hello.credential.data = (uint8_t *)agent->node->token;
	hello.credential.len = strlen(agent->node->token);
	hello.interval_ms = wire->interval_ms;
	message.kind_case = TACHO__V1__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	wire_append(&message, &wire->message);
}

/* 64 hexadecimal digits, as container runtimes have it. Not by snprintf(): thousands of agents that
 * come back at once send hundreds of thousands of them. */
static void name_container(struct cgroup *cgroup, const char *uid, uint32_t container)
{
	uint64_t hash = fleet_container_hash("", uid, container);
	char *digit = cgroup->container_id;

	for (uint64_t factor = 1; factor <= 7; factor += 2)
		for (int shift = 60; shift >= 0; shift -= 4)
			*digit++ = "0123456789abcdef"[hash * factor >> shift & 15];
	*digit = '\0';
}

/* What roster_encode() reads of a container. */
struct catalog_rows {
	char name[WORLD_MAX_CONTAINERS][16];
	struct cgroup *cgroups;
	struct roster_row *rows;
	struct roster_pod *pods;
};

static void fill_roster(
	const struct world_node *node, struct catalog_rows *from, struct roster *roster)
{
	for (uint32_t p = 0; p < node->pod_count; p++) {
		const struct world_pod *pod = node->pods[p];

		from->pods[p] = (struct roster_pod){.namespace = pod->namespace,
			.name = pod->name,
			.uid = pod->uid,
			.first_row = roster->row_count,
			.rows = pod->containers};
		for (uint32_t c = 0; c < pod->containers; c++) {
			uint32_t row = roster->row_count++;

			(void)snprintf(from->name[c], sizeof(from->name[c]), "c%u", c);
			name_container(&from->cgroups[row], pod->uid, c);
			from->rows[row] = (struct roster_row){
				.cgroup = &from->cgroups[row], .container = from->name[c]};
		}
	}
	roster->pod_count = node->pod_count;
}

void fleet_agent_encode_catalog(const struct fleet_agent *agent, struct fleet_wire *wire)
{
	static const struct node_capacity CAPACITY = {
		.cpus = NODE_CPUS, .memory_bytes = NODE_MEMORY_BYTES, .architecture = "amd64"};
	const struct world_node *node = agent->node;
	struct catalog_rows from = {
		.cgroups = calloc(node->rows + 1U, sizeof(*from.cgroups)),
		.rows = calloc(node->rows + 1U, sizeof(*from.rows)),
		.pods = calloc(node->pod_count + 1U, sizeof(*from.pods)),
	};
	struct roster roster = {.revision = node->revision, .pods = from.pods, .rows = from.rows};

	if (from.cgroups && from.rows && from.pods) {
		fill_roster(node, &from, &roster);
		roster_encode(&roster, &CAPACITY, &wire->message);
	} else {
		wire->message.failed = true;
	}
	free(from.cgroups);
	free(from.rows);
	free(from.pods);
}

static bool gather_rows(struct fleet_agent *agent)
{
	const struct world_node *node = agent->node;
	uint64_t *grown;
	uint32_t row = 0;

	if (agent->row_revision == node->revision)
		return true;
	grown = reallocarray(agent->row_hash, node->rows + 1U, sizeof(*grown));
	if (!grown)
		return false;
	agent->row_hash = grown;
	for (uint32_t p = 0; p < node->pod_count; p++)
		for (uint32_t c = 0; c < node->pods[p]->containers; c++)
			grown[row++] = node->pods[p]->hash[c];
	agent->row_revision = node->revision;
	return true;
}

void fleet_agent_encode_sample(
	struct fleet_agent *agent, struct fleet_wire *wire, uint64_t realtime_ns)
{
	const struct world_node *node = agent->node;
	struct sample *sample = &wire->sample;

	if (sample_reset(sample, node->rows) < 0 || !gather_rows(agent)) {
		wire->message.failed = true;
		return;
	}
	sample->revision = node->revision;
	sample->timestamp_ms = realtime_ns / NS_PER_MS;
	sample_take_turn(sample, &agent->turn);
	fleet_figures(
		wire->metrics, METRIC_SCOPE_NODE, node->hash, sample->timestamp_ms, &sample->node);
	for (uint32_t row = 0; row < node->rows; row++)
		fleet_figures(wire->metrics, METRIC_SCOPE_CONTAINER, agent->row_hash[row],
			sample->timestamp_ms, &sample->rows[row]);
	sample_encode(sample, wire->metrics, &wire->message);
}

/* --- the connection --------------------------------------------------------------------------- */

static int open_target(struct fleet_agent *agent, struct fleet_wire *wire, struct error *err)
{
	struct address address;
	char url[PUSH_URL_MAX], text[ADDRESS_TEXT_SIZE];
	int r;

	address = fleet_socket_address(agent->node->index, wire->port);
	(void)snprintf(url, sizeof(url), "tls+tcp://%s", address_text(&address, text));
	r = target_open(&agent->target, &address, url, wire->tls, wire->telemetry, err);
	return r < 0 ? error_context(err, r, "node %s", agent->node->name) : 0;
}

int fleet_agent_care(
	struct fleet_agent *agent, struct fleet_wire *wire, uint64_t now_ns, struct error *err)
{
	struct target *target = &agent->target;

	if (!agent->node->left && !target->used && target_free(target))
		return open_target(agent, wire, err);
	if (agent->node->left && target->used)
		target_close(target);
	target_care(target, now_ns);
	return 0;
}

static void send_message(struct fleet_agent *agent, struct fleet_wire *wire,
	enum target_message kind, uint64_t *count)
{
	if (!(agent->target.wants & kind))
		return; /* one before it could not be sent */
	if (!wire->message.failed &&
		target_send(&agent->target, kind, wire->message.data, wire->message.length) == 0)
		++*count;
	buffer_clear(&wire->message);
}

void fleet_agent_tick(struct fleet_agent *agent, struct fleet_wire *wire, uint64_t realtime_ns)
{
	unsigned wants;

	if (agent->node->left)
		return;
	wants = target_begin(&agent->target, agent->node->credential, agent->node->revision);
	wire->offline += wants == 0;
	buffer_clear(&wire->message);
	if (wants & TARGET_HELLO) {
		fleet_agent_encode_hello(agent, wire);
		send_message(agent, wire, TARGET_HELLO, &wire->hellos);
	}
	if (wants & TARGET_CATALOG) {
		fleet_agent_encode_catalog(agent, wire);
		send_message(agent, wire, TARGET_CATALOG, &wire->catalogs);
	}
	if (wants & TARGET_SAMPLE) {
		fleet_agent_encode_sample(agent, wire, realtime_ns);
		send_message(agent, wire, TARGET_SAMPLE, &wire->samples);
	}
}
