#include "tests/guard/world.h"

#include "aggregator/ingest/message.h"
#include "base/clock.h"
#include "tests/guard/node_report.h"
#include "tests/harness/many_pods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NAME_SIZE 32

static const char *node_name(size_t node, char name[static NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "node-%05zu", node);
	return name;
}

struct store *world_store(const struct world *world, struct telemetry *telemetry)
{
	const struct store_options options = {
		.expiry_ns = UINT64_MAX / 2,
		.max_nodes = (uint32_t)world->nodes,
		.max_pods = (uint32_t)(world->nodes * NODE_REPORT_PODS),
		.metadata = true,
		.required = NODE_REPORT_METRICS,
		.telemetry = telemetry,
	};
	struct store *store = store_new(&options, NULL);

	assert_non_null(store);
	return store;
}

void world_tell_nodes(struct store *store, const struct world *world)
{
	for (size_t node = 0; node < world->nodes; node++) {
		char name[NAME_SIZE];
		const struct label label[] = {
			{"beta.kubernetes.io/arch", "amd64"},
			{"beta.kubernetes.io/os", "linux"},
			{"kubernetes.io/arch", "amd64"},
			{"kubernetes.io/hostname", node_name(node, name)},
			{"kubernetes.io/os", "linux"},
			{"topology.kubernetes.io/zone", node % 3 ? "west" : "east"},
		};
		const struct labels labels = {label, sizeof(label) / sizeof(label[0])};

		assert_int_equal(store_put_node(store, name, &labels, NULL), 0);
	}
}

void world_tell_pods(struct store *store, const struct world *world)
{
	for (size_t p = 0; p < world->nodes * NODE_REPORT_PODS; p++)
		many_pods_put(store, p, world->namespaces);
}

static const Tacho__V1__Message *decode(struct message_reader *reader, const struct buffer *bytes)
{
	const Tacho__V1__Message *message;

	assert_int_equal(message_decode(reader, bytes->data, bytes->length, &message), 0);
	return message;
}

void world_tell_figures(struct store *store, const struct world *world)
{
	struct message_reader *reader = message_reader_new();
	struct buffer catalog = {0}, sample = {0};
	uint64_t now_ns = clock_monotonic_ns();

	assert_non_null(reader);
	node_report_sample(world->containers, NODE_REPORT_METRICS, &sample);
	for (size_t node = 0; node < world->nodes; node++) {
		char name[NAME_SIZE];

		(void)node_name(node, name);
		buffer_clear(&catalog);
		node_report_catalog(node, world->containers, NODE_REPORT_REVISION, &catalog);
		assert_int_equal(store_apply_catalog(store, name, decode(reader, &catalog)->catalog,
					 now_ns, NULL),
			0);
		assert_int_equal(store_apply_sample(store, name, decode(reader, &sample)->sample,
					 now_ns, NULL),
			0);
	}
	buffer_free(&catalog);
	buffer_free(&sample);
	message_reader_free(reader);
}
