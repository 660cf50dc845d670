#include "tests/guard/node_report.h"

#include "agent/sample.h"
#include "agent/wire.h"
#include "tests/harness/busy_node.h"
#include "tests/harness/many_pods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* One pod in the making, with all that its message points to. */
struct told_pod {
	Tacho__V1__Pod pod;
	Tacho__V1__Container container[NODE_REPORT_CONTAINERS], *containers[NODE_REPORT_CONTAINERS];
	char namespace[24], name[48], uid[MANY_PODS_UID_SIZE];
	char id[NODE_REPORT_CONTAINERS][65];
};

static void tell_pod(struct told_pod *told, size_t p, size_t containers)
{
	static const char *const NAMES[NODE_REPORT_CONTAINERS] = {
		"app", "istio-proxy", "logging-sidecar", "metrics"};

	(void)snprintf(told->namespace, sizeof(told->namespace), "namespace-%03zu", p % 100);
	(void)snprintf(told->name, sizeof(told->name), "service-%zu-%010zx-%05zx", p / 10,
		p * 0x9e3779b9 & 0xffffffffff, p & 0xfffff);
	many_pods_uid(p, told->uid);
	tacho__v1__pod__init(&told->pod);
	told->pod.namespace_ = told->namespace;
	told->pod.name = told->name;
	told->pod.uid = told->uid;
	told->pod.n_containers = containers;
	told->pod.containers = told->containers;
	for (size_t c = 0; c < containers; c++) {
		(void)snprintf(told->id[c], sizeof(told->id[c]), "%032zx%032zx", p, c);
		tacho__v1__container__init(&told->container[c]);
		told->container[c].name = wire_string(NAMES[c]);
		told->container[c].id = told->id[c];
		told->containers[c] = &told->container[c];
	}
}

void node_report_catalog(size_t node, size_t containers, uint64_t revision, struct buffer *out)
{
	struct told_pod told[NODE_REPORT_PODS];
	Tacho__V1__Pod *pods[NODE_REPORT_PODS];
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Node capacity = TACHO__V1__NODE__INIT;

	assert_in_range(containers, 1, NODE_REPORT_CONTAINERS);
	for (size_t i = 0; i < NODE_REPORT_PODS; i++) {
		tell_pod(&told[i], node * NODE_REPORT_PODS + i, containers);
		pods[i] = &told[i].pod;
	}
	capacity.cpu_millicores = 8000;
	capacity.memory_bytes = (uint64_t)32 << 30;
	capacity.architecture = wire_string("amd64");
	catalog.revision = revision;
	catalog.node = &capacity;
	catalog.n_pods = NODE_REPORT_PODS;
	catalog.pods = pods;
	message.kind_case = TACHO__V1__MESSAGE__KIND_CATALOG;
	message.catalog = &catalog;
	wire_append(&message, out);
	assert_false(out->failed);
}

void node_report_sample(size_t containers, metric_set metrics, struct buffer *out)
{
	struct sample sample = {0};

	busy_node(&sample, (uint32_t)(NODE_REPORT_PODS * containers));
	sample.revision = NODE_REPORT_REVISION;
	sample_encode(&sample, metrics, out);
	assert_false(out->failed);
	sample_free(&sample);
}
