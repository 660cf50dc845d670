#include "aggregator/api/openapi.h"

#include "aggregator/api/discovery.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define GROUP   DISCOVERY_METRICS_GROUP
#define META    "io.k8s.apimachinery.pkg.apis.meta.v1."
#define METRICS "io.k8s.metrics.pkg.apis.metrics." /* the version follows */

/* --- the types -------------------------------------------------------------------------------- */

enum shape {
	SHAPE_STRING,
	SHAPE_OBJECT,   /* another type: `of` */
	SHAPE_LIST,     /* of another type */
	SHAPE_MAP,      /* from texts to another type */
	SHAPE_TEXT_MAP, /* from texts to texts */
};

struct field {
	const char *name;
	enum shape shape;
	const char *of; /* a type of TYPES, by its short name */
	bool required;
	const char *help;
};

#define MAX_FIELDS 6

struct type {
	const char *name; /* short: behind META, or METRICS and the version */
	bool is_meta;
	bool is_kind;       /* an object with kind and apiVersion */
	const char *format; /* of a text; NULL: an object with fields */
	const char *help;
	struct field fields[MAX_FIELDS];
};

#define KIND_FIELDS                                                                 \
	{"apiVersion", SHAPE_STRING, NULL, false,                                   \
		"The group and version in which the object is written."},           \
	{                                                                           \
		"kind", SHAPE_STRING, NULL, false, "The name of the object's type." \
	}

#define USAGE_HELP                                                                              \
	"What was used: cpu in cores, as a rate over the window; memory in bytes, the working " \
	"set at the timestamp; swap in bytes where the node has any."

static const struct type TYPES[] = {
	{"NodeMetrics", false, true, NULL,
		"The resources that a node uses, all its pods and the system.",
		{KIND_FIELDS,
			{"metadata", SHAPE_OBJECT, "ObjectMeta", false,
				"The node's name and labels."},
			{"timestamp", SHAPE_OBJECT, "Time", true,
				"When the counters were read: the end of the window."},
			{"window", SHAPE_OBJECT, "Duration", true,
				"The span over which rates were taken."},
			{"usage", SHAPE_MAP, "Quantity", true, USAGE_HELP}}},
	{"NodeMetricsList", false, true, NULL, "NodeMetrics of several nodes.",
		{KIND_FIELDS, {"metadata", SHAPE_OBJECT, "ListMeta", false, "Of the list."},
			{"items", SHAPE_LIST, "NodeMetrics", true, "By name."}}},
	{"PodMetrics", false, true, NULL, "The resources that a pod's running containers use.",
		{KIND_FIELDS,
			{"metadata", SHAPE_OBJECT, "ObjectMeta", false,
				"The pod's namespace, name and labels."},
			{"timestamp", SHAPE_OBJECT, "Time", true,
				"When the counters were read: the end of the window."},
			{"window", SHAPE_OBJECT, "Duration", true,
				"The span over which rates were taken; shorter for a younger pod."},
			{"containers", SHAPE_LIST, "ContainerMetrics", true,
				"Each running container."}}},
	{"PodMetricsList", false, true, NULL, "PodMetrics of several pods.",
		{KIND_FIELDS, {"metadata", SHAPE_OBJECT, "ListMeta", false, "Of the list."},
			{"items", SHAPE_LIST, "PodMetrics", true, "By namespace and name."}}},
	{"ContainerMetrics", false, false, NULL, "The resources that a container uses.",
		{{"name", SHAPE_STRING, NULL, true, "The container's name in the pod."},
			{"usage", SHAPE_MAP, "Quantity", true, USAGE_HELP}}},
	{"ObjectMeta", true, false, NULL,
		"Metadata of an object; what stands here is what metrics carry of it.",
		{{"name", SHAPE_STRING, NULL, false, "Unique within the namespace."},
			{"namespace", SHAPE_STRING, NULL, false, "Empty for nodes."},
			{"creationTimestamp", SHAPE_OBJECT, "Time", false,
				"The time of the answer."},
			{"labels", SHAPE_TEXT_MAP, NULL, false, "Those of the pod or node."}}},
	{"ListMeta", true, false, NULL, "Metadata of a list.",
		{{"resourceVersion", SHAPE_STRING, NULL, false, "Always empty."}}},
	{"Time", true, false, "date-time", "A moment, RFC 3339.", {{NULL}}},
	{"Duration", true, false, "", "A span as Go writes it: 15.016s.", {{NULL}}},
	{"Quantity", true, false, "", "A number with a suffix: 250m, 12345678n, 343180Ki.",
		{{NULL}}},
};

/* --- the paths -------------------------------------------------------------------------------- */

struct path {
	const char *text; /* behind /apis/<group>/<version> */
	const char *kind; /* of the resource */
	const char *operation;
	bool list, has_namespace, has_name;
};

static const struct path PATHS[] = {
	{"/nodes", "NodeMetrics", "listNodeMetrics", true, false, false},
	{"/nodes/{name}", "NodeMetrics", "readNodeMetrics", false, false, true},
	{"/pods", "PodMetrics", "listPodMetricsForAllNamespaces", true, false, false},
	{"/namespaces/{namespace}/pods", "PodMetrics", "listNamespacedPodMetrics", true, true,
		false},
	{"/namespaces/{namespace}/pods/{name}", "PodMetrics", "readNamespacedPodMetrics", false,
		true, true},
};

/* --- writing ---------------------------------------------------------------------------------- */

struct writer {
	bool v3;
	const char *version;
	struct buffer *out;
};

static const struct type *type_of(const char *name)
{
	for (size_t i = 0; i < COUNT(TYPES); i++)
		if (strcmp(TYPES[i].name, name) == 0)
			return &TYPES[i];
	return NULL;
}

static void write_type_name(const struct writer *writer, const struct type *type)
{
	if (strcmp(type->name, "Quantity") == 0)
		buffer_append_string(writer->out, "io.k8s.apimachinery.pkg.api.resource.Quantity");
	else if (type->is_meta)
		buffer_printf(writer->out, META "%s", type->name);
	else
		buffer_printf(writer->out, METRICS "%s.%s", writer->version, type->name);
}

/* {"$ref":"…"} without the braces. */
static void write_target(const struct writer *writer, const char *name)
{
	buffer_printf(
		writer->out, "\"$ref\":\"#/%s/", writer->v3 ? "components/schemas" : "definitions");
	write_type_name(writer, type_of(name));
	buffer_append_char(writer->out, '"');
}

static void write_reference(const struct writer *writer, const char *name)
{
	buffer_append_char(writer->out, '{');
	write_target(writer, name);
	buffer_append_char(writer->out, '}');
}

static void write_field(const struct writer *writer, const struct field *field)
{
	struct buffer *out = writer->out;

	buffer_printf(out, "\"%s\":{\"description\":\"%s\",", field->name, field->help);
	switch (field->shape) {
	case SHAPE_STRING:
		buffer_append_string(out, "\"type\":\"string\"}");
		return;
	case SHAPE_OBJECT:
		/* OpenAPI 3.0 wants nothing beside a $ref */
		buffer_append_string(out, writer->v3 ? "\"allOf\":[{" : "");
		write_target(writer, field->of);
		buffer_append_string(out, writer->v3 ? "}]}" : "}");
		return;
	case SHAPE_LIST:
		buffer_append_string(out, "\"type\":\"array\",\"items\":");
		write_reference(writer, field->of);
		break;
	case SHAPE_MAP:
		buffer_append_string(out, "\"type\":\"object\",\"additionalProperties\":");
		write_reference(writer, field->of);
		break;
	case SHAPE_TEXT_MAP:
		buffer_append_string(
			out, "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}");
		break;
	}
	buffer_append_char(out, '}');
}

static void write_kind(const struct writer *writer, const char *kind)
{
	buffer_printf(writer->out, "{\"group\":\"" GROUP "\",\"version\":\"%s\",\"kind\":\"%s\"}",
		writer->version, kind);
}

/* An empty list is not allowed. */
static void write_required(const struct writer *writer, const struct type *type)
{
	const char *separator = ",\"required\":[";

	for (const struct field *f = type->fields; f < type->fields + MAX_FIELDS && f->name; f++) {
		if (!f->required)
			continue;
		buffer_printf(writer->out, "%s\"%s\"", separator, f->name);
		separator = ",";
	}
	if (separator[1] == '\0')
		buffer_append_char(writer->out, ']');
}

static void write_fields(const struct writer *writer, const struct type *type)
{
	const char *separator = "";

	buffer_append_string(writer->out, ",\"type\":\"object\"");
	write_required(writer, type);
	buffer_append_string(writer->out, ",\"properties\":{");
	for (const struct field *f = type->fields; f < type->fields + MAX_FIELDS && f->name; f++) {
		buffer_append_string(writer->out, separator);
		write_field(writer, f);
		separator = ",";
	}
	buffer_append_char(writer->out, '}');
}

static void write_type(const struct writer *writer, const struct type *type)
{
	struct buffer *out = writer->out;

	buffer_append_char(out, '"');
	write_type_name(writer, type);
	buffer_printf(out, "\":{\"description\":\"%s\"", type->help);
	if (!type->format) {
		write_fields(writer, type);
	} else {
		buffer_append_string(out, ",\"type\":\"string\"");
		if (*type->format)
			buffer_printf(out, ",\"format\":\"%s\"", type->format);
	}
	if (type->is_kind) {
		buffer_append_string(out, ",\"x-kubernetes-group-version-kind\":[");
		write_kind(writer, type->name);
		buffer_append_char(out, ']');
	}
	buffer_append_char(out, '}');
}

static void write_parameter(const struct writer *writer, const char *name, const char *help)
{
	buffer_printf(writer->out,
		"{\"name\":\"%s\",\"in\":\"path\",\"required\":true,\"description\":\"%s\",%s}",
		name, help,
		writer->v3 ? "\"schema\":{\"type\":\"string\"}" : "\"type\":\"string\"");
}

static void write_parameters(const struct writer *writer, const struct path *path)
{
	buffer_append_string(writer->out, "\"parameters\":[");
	if (path->has_namespace)
		write_parameter(writer, "namespace", "The pods' namespace.");
	if (path->has_namespace && path->has_name)
		buffer_append_char(writer->out, ',');
	if (path->has_name)
		write_parameter(writer, "name", "Of the one object.");
	buffer_append_char(writer->out, ']');
}

static void write_path(const struct writer *writer, const struct path *path)
{
	struct buffer *out = writer->out;
	char type[64];

	(void)snprintf(type, sizeof(type), "%s%s", path->kind, path->list ? "List" : "");
	buffer_printf(out,
		"\"/apis/" GROUP "/%s%s\":{\"get\":{\"tags\":[\"metrics_%s\"],"
		"\"description\":\"%s of %s.\",\"operationId\":\"%s%s\",",
		writer->version, path->text, writer->version, path->list ? "A list" : "One object",
		path->kind, path->operation, writer->version);
	if (!writer->v3)
		buffer_append_string(out,
			"\"schemes\":[\"https\"],\"produces\":[\"application/json\","
			"\"application/vnd.kubernetes.protobuf\"],");
	buffer_append_string(out, "\"responses\":{\"200\":{\"description\":\"OK\",");
	if (writer->v3)
		buffer_append_string(out, "\"content\":{\"application/json\":{");
	buffer_append_string(out, "\"schema\":");
	write_reference(writer, type);
	buffer_append_string(out, writer->v3 ? "}}" : "");
	buffer_printf(out, "}},\"x-kubernetes-action\":\"%s\",\"x-kubernetes-group-version-kind\":",
		path->list ? "list" : "get");
	write_kind(writer, path->kind);
	buffer_append_string(out, "},");
	write_parameters(writer, path);
	buffer_append_char(out, '}');
}

static void write_paths(const struct writer *writer)
{
	for (size_t i = 0; i < COUNT(PATHS); i++) {
		if (i > 0)
			buffer_append_char(writer->out, ',');
		write_path(writer, &PATHS[i]);
	}
}

/* With `shared` also the types that every version has. */
static void write_types(const struct writer *writer, bool shared)
{
	const char *separator = "";

	for (size_t i = 0; i < COUNT(TYPES); i++) {
		if (TYPES[i].is_meta && !shared)
			continue;
		buffer_append_string(writer->out, separator);
		write_type(writer, &TYPES[i]);
		separator = ",";
	}
}

#define INFO "\"info\":{\"title\":\"tacho\",\"version\":\"" TACHO_VERSION "\"},\"paths\":{"

void openapi_write_v2(struct buffer *out)
{
	const struct writer v1 = {false, "v1", out}, v1beta1 = {false, "v1beta1", out};

	buffer_append_string(out, "{\"swagger\":\"2.0\"," INFO);
	write_paths(&v1);
	buffer_append_char(out, ',');
	write_paths(&v1beta1);
	buffer_append_string(out, "},\"definitions\":{");
	write_types(&v1, true);
	buffer_append_char(out, ',');
	write_types(&v1beta1, false);
	buffer_append_string(out, "}}");
}

void openapi_write_v3(const char *version, struct buffer *out)
{
	const struct writer writer = {true, version, out};

	buffer_append_string(out, "{\"openapi\":\"3.0.0\"," INFO);
	write_paths(&writer);
	buffer_append_string(out, "},\"components\":{\"schemas\":{");
	write_types(&writer, true);
	buffer_append_string(out, "}}}");
}
