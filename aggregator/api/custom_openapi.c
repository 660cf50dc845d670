#include "aggregator/api/custom_openapi.h"

#include "aggregator/api/custom_discovery.h"

#include <stddef.h>
#include <string.h>

#define GROUP CUSTOM_DISCOVERY_GROUP
#define TYPES "io.k8s.metrics.pkg.apis.custom_metrics." /* the version follows */

struct path {
	const char *text; /* behind /apis/<group>/<version> */
	const char *operation, *help;
	const char *parameters; /* between commas */
};

static const struct path PATHS[] = {
	{"/namespaces/{namespace}/{resource}/{name}/{metric}", "readNamespacedMetric",
		"A metric of one pod or workload; of all pods with the name *.",
		"namespace,resource,name,metric"},
	{"/namespaces/{namespace}/metrics/{metric}", "readNamespaceMetric",
		"A metric of all pods of the namespace together.", "namespace,metric"},
	{"/nodes/{name}/{metric}", "readNodeMetric",
		"A metric of one node; of all nodes with the name *.", "name,metric"},
};

static void write_parameters(const char *names, struct buffer *out)
{
	const char *comma = "";

	while (*names) {
		int length = (int)strcspn(names, ",");

		buffer_printf(out,
			"%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,"
			"\"schema\":{\"type\":\"string\"}}",
			comma, length, names);
		comma = ",";
		names += length + (names[length] == ',');
	}
}

static void write_path(const struct path *path, const char *version, struct buffer *out)
{
	buffer_printf(out,
		"\"/apis/" GROUP "/%s%s\":{\"get\":{\"tags\":[\"customMetrics_%s\"],"
		"\"description\":\"%s\",\"operationId\":\"%s%s\",\"responses\":{\"200\":{"
		"\"description\":\"OK\",\"content\":{\"application/json\":{\"schema\":{"
		"\"$ref\":\"#/components/schemas/" TYPES "%s.MetricValueList\"}}}}},"
		"\"x-kubernetes-action\":\"get\",\"x-kubernetes-group-version-kind\":"
		"{\"group\":\"" GROUP "\",\"version\":\"%s\",\"kind\":\"MetricValueList\"}},"
		"\"parameters\":[",
		version, path->text, version, path->help, path->operation, version, version,
		version);
	write_parameters(path->parameters, out);
	buffer_append_string(out, "]}");
}

/* Where the versions differ. */
static const char *fields_of(const char *version)
{
	if (strcmp(version, "v1beta1") == 0)
		return "\"metricName\":{\"description\":\"The metric's name.\",\"type\":\"string\"},"
		       "\"window\":{\"description\":\"Of a rate: the seconds that it was taken "
		       "over.\",\"type\":\"integer\",\"format\":\"int64\"},"
		       "\"selector\":{\"description\":\"Always null.\",\"type\":\"object\"}";
	return "\"metric\":{\"description\":\"The metric.\",\"type\":\"object\",\"properties\":{"
	       "\"name\":{\"type\":\"string\"},\"selector\":{\"type\":\"object\"}}},"
	       "\"windowSeconds\":{\"description\":\"Of a rate: the seconds that it was taken "
	       "over.\",\"type\":\"integer\",\"format\":\"int64\"}";
}

static void write_types(const char *version, struct buffer *out)
{
	buffer_printf(out,
		"\"" TYPES "%s.MetricValueList\":{\"description\":\"A metric of some objects.\","
		"\"type\":\"object\",\"required\":[\"items\"],\"properties\":{"
		"\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},"
		"\"metadata\":{\"type\":\"object\"},\"items\":{\"type\":\"array\",\"items\":{"
		"\"$ref\":\"#/components/schemas/" TYPES "%s.MetricValue\"}}},"
		"\"x-kubernetes-group-version-kind\":[{\"group\":\"" GROUP
		"\",\"version\":\"%s\",\"kind\":\"MetricValueList\"}]},",
		version, version, version);
	buffer_printf(out,
		"\"" TYPES "%s.MetricValue\":{\"description\":\"A metric of one object.\","
		"\"type\":\"object\",\"properties\":{\"describedObject\":{\"description\":"
		"\"What it is of.\",\"type\":\"object\",\"properties\":{\"kind\":{\"type\":"
		"\"string\"},\"namespace\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"
		"\"apiVersion\":{\"type\":\"string\"}}},%s,\"timestamp\":{\"description\":"
		"\"When the counters were read.\",\"type\":\"string\",\"format\":\"date-time\"},"
		"\"value\":{\"description\":\"The figure, a quantity.\",\"type\":\"string\"}}}",
		version, fields_of(version));
}

void custom_openapi_write(const char *version, struct buffer *out)
{
	buffer_append_string(out, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"tacho\","
				  "\"version\":\"" TACHO_VERSION "\"},\"paths\":{");
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
		if (i > 0)
			buffer_append_char(out, ',');
		write_path(&PATHS[i], version, out);
	}
	buffer_append_string(out, "},\"components\":{\"schemas\":{");
	write_types(version, out);
	buffer_append_string(out, "}}}");
}
