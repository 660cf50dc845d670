#include "aggregator/api/core_object.h"

#include "aggregator/api/json_text.h"
#include "aggregator/api/quantity.h"

#define NANOCORES_PER_MILLICORE 1000000ULL

static void write_type(const char *kind, struct buffer *out)
{
	buffer_printf(out, "\"kind\":\"%s\",\"apiVersion\":\"v1\",", kind);
}

/* The store does not know when an object was created, and Kubernetes has null for that. */
static void write_metadata(const char *name, const char *namespace, const char *uid,
	const struct labels *labels, struct buffer *out)
{
	buffer_append_string(out, "\"metadata\":{\"name\":");
	json_text_append(out, name);
	if (namespace) {
		buffer_append_string(out, ",\"namespace\":");
		json_text_append(out, namespace);
	}
	if (uid && *uid) {
		buffer_append_string(out, ",\"uid\":");
		json_text_append(out, uid);
	}
	buffer_append_string(out, ",\"creationTimestamp\":null");
	for (size_t i = 0; labels && i < labels->count; i++) {
		buffer_append_string(out, i > 0 ? "," : ",\"labels\":{");
		json_text_append(out, labels->item[i].key);
		buffer_append_char(out, ':');
		json_text_append(out, labels->item[i].value);
	}
	buffer_append_string(out, labels && labels->count > 0 ? "}}" : "}");
}

/* What is unknown is left out; kubectl then shows no percentage. */
static void write_resources(const char *key, const struct store_node_view *node, struct buffer *out)
{
	char text[QUANTITY_BOUND];
	uint64_t millicores = node->cpu_millicores;

	buffer_printf(out, "\"%s\":{", key);
	if (millicores > 0) {
		const char *end = millicores > QUANTITY_MAX / NANOCORES_PER_MILLICORE
					  ? quantity_put_nanocores(text, QUANTITY_MAX)
					  : quantity_put_nanocores(
						    text, millicores * NANOCORES_PER_MILLICORE);

		buffer_printf(out, "\"cpu\":\"%.*s\"", (int)(end - text), text);
	}
	if (node->memory_bytes > 0) {
		const char *end = quantity_put_bytes(text, node->memory_bytes);

		buffer_printf(out, "%s\"memory\":\"%.*s\"", millicores > 0 ? "," : "",
			(int)(end - text), text);
	}
	buffer_append_char(out, '}');
}

void core_object_write_node(const struct store_node_view *node, bool typed, struct buffer *out)
{
	buffer_append_char(out, '{');
	if (typed)
		write_type("Node", out);
	write_metadata(node->name, NULL, NULL, node->labels, out);
	buffer_append_string(out, ",\"spec\":{},\"status\":{");
	write_resources("capacity", node, out);
	buffer_append_char(out, ',');
	write_resources("allocatable", node, out);
	buffer_append_string(out, "}}");
}

void core_object_write_pod(const struct store_pod_view *pod, bool typed, struct buffer *out)
{
	buffer_append_char(out, '{');
	if (typed)
		write_type("Pod", out);
	write_metadata(pod->name, pod->namespace, pod->uid, pod->labels, out);
	buffer_append_string(out, ",\"spec\":{\"nodeName\":");
	json_text_append(out, pod->node);
	buffer_append_string(out, ",\"containers\":[");
	for (uint32_t i = 0; i < pod->containers; i++) {
		buffer_append_string(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_text_append(out, store_container_name(pod, i, NULL));
		buffer_append_string(out, ",\"resources\":{}}");
	}
	/* Only running pods have figures, and only those are in the store. */
	buffer_append_string(out, "]},\"status\":{\"phase\":\"Running\"}}");
}

void core_object_write_namespace(const char *name, bool typed, struct buffer *out)
{
	buffer_append_char(out, '{');
	if (typed)
		write_type("Namespace", out);
	write_metadata(name, NULL, NULL, NULL, out);
	buffer_append_string(out, ",\"spec\":{},\"status\":{\"phase\":\"Active\"}}");
}
