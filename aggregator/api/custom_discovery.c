#include "aggregator/api/custom_discovery.h"

#include "aggregator/api/custom_metric.h"
#include "aggregator/api/workload.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define GROUP CUSTOM_DISCOVERY_GROUP

/* The preferred one first. */
static const char *const VERSIONS[] = {"v1beta2", "v1beta1"};

struct resource {
	const char *name;
	enum metric_scope scope; /* of the metrics that it has */
	bool namespaced;
};

#define OTHERS 3

/* The workloads stand behind the others. False behind the last. */
static bool resource_at(size_t i, struct resource *ret_resource)
{
	static const struct resource RESOURCES[OTHERS] = {
		{"pods", METRIC_SCOPE_CONTAINER, true},
		{"nodes", METRIC_SCOPE_NODE, false},
		{"namespaces", METRIC_SCOPE_CONTAINER, false},
	};

	if (i >= OTHERS + WORKLOAD_KINDS)
		return false;
	if (i < OTHERS)
		*ret_resource = RESOURCES[i];
	else
		*ret_resource =
			(struct resource){workload_info((enum workload_kind)(i - OTHERS))->resource,
				METRIC_SCOPE_CONTAINER, true};
	return true;
}

/* The name of the resource's i-th metric, or NULL: it is another scope's. */
static const char *metric_of(const struct resource *resource, int metric)
{
	return metric_info((enum metric)metric)->scope == resource->scope
		       ? custom_metric_name((enum metric)metric)
		       : NULL;
}

void custom_discovery_write_resources(const char *version, struct buffer *out)
{
	const char *comma = "";
	struct resource resource;

	buffer_printf(out,
		"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"" GROUP
		"/%s\",\"resources\":[",
		version);
	for (size_t i = 0; resource_at(i, &resource); i++) {
		for (int metric = 0; metric < METRIC_COUNT; metric++) {
			const char *name = metric_of(&resource, metric);

			if (!name)
				continue;
			buffer_printf(out,
				"%s{\"name\":\"%s/%s\",\"singularName\":\"\",\"namespaced\":%s,"
				"\"kind\":\"MetricValueList\",\"verbs\":[\"get\"]}",
				comma, resource.name, name, resource.namespaced ? "true" : "false");
			comma = ",";
		}
	}
	buffer_append_string(out, "]}\n");
}

static void write_version(const char *version, struct buffer *out)
{
	buffer_printf(
		out, "{\"groupVersion\":\"" GROUP "/%s\",\"version\":\"%s\"}", version, version);
}

void custom_discovery_write_group_members(struct buffer *out)
{
	buffer_append_string(out, "\"name\":\"" GROUP "\",\"versions\":[");
	for (size_t i = 0; i < COUNT(VERSIONS); i++) {
		if (i > 0)
			buffer_append_char(out, ',');
		write_version(VERSIONS[i], out);
	}
	buffer_append_string(out, "],\"preferredVersion\":");
	write_version(VERSIONS[0], out);
}

void custom_discovery_write_group(struct buffer *out)
{
	buffer_append_string(out, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
	custom_discovery_write_group_members(out);
	buffer_append_string(out, "}\n");
}

/* The resource itself can't be asked for: it has no verbs and no kind. */
static void write_subresources(const struct resource *resource, struct buffer *out)
{
	const char *comma = "";

	buffer_printf(out,
		"{\"resource\":\"%s\",\"responseKind\":{\"group\":\"\",\"version\":\"\",\"kind\":\"\"},"
		"\"scope\":\"%s\",\"singularResource\":\"\",\"verbs\":null,\"subresources\":[",
		resource->name, resource->namespaced ? "Namespaced" : "Cluster");
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const char *name = metric_of(resource, metric);

		if (!name)
			continue;
		buffer_printf(out,
			"%s{\"subresource\":\"%s\",\"responseKind\":{\"group\":\"\",\"version\":\"\","
			"\"kind\":\"MetricValueList\"},\"verbs\":[\"get\"]}",
			comma, name);
		comma = ",";
	}
	buffer_append_string(out, "]}");
}

void custom_discovery_write_aggregated(struct buffer *out)
{
	struct resource resource;

	buffer_append_string(out, "{\"metadata\":{\"name\":\"" GROUP "\"},\"versions\":[");
	for (size_t version = 0; version < COUNT(VERSIONS); version++) {
		buffer_printf(out, "%s{\"version\":\"%s\",\"resources\":[", version > 0 ? "," : "",
			VERSIONS[version]);
		for (size_t i = 0; resource_at(i, &resource); i++) {
			if (i > 0)
				buffer_append_char(out, ',');
			write_subresources(&resource, out);
		}
		buffer_append_string(out, "],\"freshness\":\"Current\"}");
	}
	buffer_append_string(out, "]}");
}
