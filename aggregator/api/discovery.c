#include "aggregator/api/discovery.h"

#include "aggregator/api/accept.h"
#include "aggregator/api/custom_discovery.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

struct resource {
	const char *name, *singular, *kind, *short_name;
	bool namespaced;
};

/* Any singular name but "" breaks `kubectl get podmetrics`. */
static const struct resource METRICS_RESOURCES[] = {
	{"nodes", "", "NodeMetrics", NULL, false},
	{"pods", "", "PodMetrics", NULL, true},
};

static const struct resource CORE_RESOURCES[] = {
	{"namespaces", "namespace", "Namespace", "ns", false},
	{"nodes", "node", "Node", "no", false},
	{"pods", "pod", "Pod", "po", true},
};

/* The preferred one first. */
static const char *const METRICS_VERSIONS[] = {"v1", "v1beta1"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum discovery_form discovery_negotiate(const char *accept)
{
	struct accept parsed;

	accept_parse(accept, &parsed);
	if (parsed.count == 0)
		return DISCOVERY_LEGACY;
	for (size_t i = 0; i < parsed.count; i++) {
		const struct accept_clause *clause = &parsed.clauses[i];

		if (!accept_covers(clause, "json"))
			continue;
		if (!accept_converts(clause))
			return DISCOVERY_LEGACY;
		if (!accept_text_is(clause->group, "apidiscovery.k8s.io") ||
			!accept_text_is(clause->as, "APIGroupDiscoveryList"))
			continue;
		if (accept_text_is(clause->version, "v2"))
			return DISCOVERY_V2;
		if (accept_text_is(clause->version, "v2beta1"))
			return DISCOVERY_V2BETA1;
	}
	return DISCOVERY_UNSERVED;
}

const char *discovery_content_type(enum discovery_form form)
{
	switch (form) {
	case DISCOVERY_V2:
		return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
	case DISCOVERY_V2BETA1:
		return "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
	case DISCOVERY_LEGACY:
	case DISCOVERY_UNSERVED:
		break;
	}
	return "application/json";
}

static void write_resources(const char *group_version, const struct resource *resources,
	size_t count, struct buffer *out)
{
	buffer_printf(out,
		"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s\","
		"\"resources\":[",
		group_version);
	for (size_t i = 0; i < count; i++) {
		const struct resource *resource = &resources[i];

		buffer_printf(out,
			"%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,"
			"\"kind\":\"%s\",\"verbs\":[\"get\",\"list\"]",
			i > 0 ? "," : "", resource->name, resource->singular,
			resource->namespaced ? "true" : "false", resource->kind);
		if (resource->short_name)
			buffer_printf(out, ",\"shortNames\":[\"%s\"]", resource->short_name);
		buffer_append_char(out, '}');
	}
	buffer_append_string(out, "]}\n");
}

void discovery_write_core_versions(struct buffer *out)
{
	buffer_append_string(out, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
				  "\"serverAddressByClientCIDRs\":[]}\n");
}

void discovery_write_core_resources(struct buffer *out)
{
	write_resources("v1", CORE_RESOURCES, COUNT(CORE_RESOURCES), out);
}

void discovery_write_resources(const char *version, struct buffer *out)
{
	char group_version[64];

	(void)snprintf(
		group_version, sizeof(group_version), DISCOVERY_METRICS_GROUP "/%s", version);
	write_resources(group_version, METRICS_RESOURCES, COUNT(METRICS_RESOURCES), out);
}

static void write_version(const char *version, struct buffer *out)
{
	buffer_printf(out,
		"{\"groupVersion\":\"" DISCOVERY_METRICS_GROUP "/%s\",\"version\":\"%s\"}", version,
		version);
}

/* The members of an APIGroup behind its kind and apiVersion, which one in a list does not have. */
static void write_group_members(struct buffer *out)
{
	buffer_append_string(out, "\"name\":\"" DISCOVERY_METRICS_GROUP "\",\"versions\":[");
	for (size_t i = 0; i < COUNT(METRICS_VERSIONS); i++) {
		if (i > 0)
			buffer_append_char(out, ',');
		write_version(METRICS_VERSIONS[i], out);
	}
	buffer_append_string(out, "],\"preferredVersion\":");
	write_version(METRICS_VERSIONS[0], out);
}

void discovery_write_groups(bool custom, struct buffer *out)
{
	buffer_append_string(out, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{");
	write_group_members(out);
	buffer_append_char(out, '}');
	if (custom) {
		buffer_append_string(out, ",{");
		custom_discovery_write_group_members(out);
		buffer_append_char(out, '}');
	}
	buffer_append_string(out, "]}\n");
}

void discovery_write_group(struct buffer *out)
{
	buffer_append_string(out, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
	write_group_members(out);
	buffer_append_string(out, "}\n");
}

static void write_aggregated_version(const char *group, const char *version,
	const struct resource *resources, size_t count, struct buffer *out)
{
	buffer_printf(out, "{\"version\":\"%s\",\"resources\":[", version);
	for (size_t i = 0; i < count; i++) {
		const struct resource *resource = &resources[i];

		buffer_printf(out,
			"%s{\"resource\":\"%s\",\"responseKind\":{\"group\":\"%s\","
			"\"version\":\"%s\",\"kind\":\"%s\"},\"scope\":\"%s\","
			"\"singularResource\":\"%s\",\"verbs\":[\"get\",\"list\"]",
			i > 0 ? "," : "", resource->name, group, version, resource->kind,
			resource->namespaced ? "Namespaced" : "Cluster", resource->singular);
		if (resource->short_name)
			buffer_printf(out, ",\"shortNames\":[\"%s\"]", resource->short_name);
		buffer_append_char(out, '}');
	}
	buffer_append_string(out, "],\"freshness\":\"Current\"}");
}

static void begin_aggregated(enum discovery_form form, struct buffer *out)
{
	buffer_printf(out,
		"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\","
		"\"metadata\":{},\"items\":[{\"metadata\":{",
		form == DISCOVERY_V2 ? "v2" : "v2beta1");
}

void discovery_write_core_aggregated(enum discovery_form form, struct buffer *out)
{
	begin_aggregated(form, out);
	buffer_append_string(out, "},\"versions\":[");
	write_aggregated_version("", "v1", CORE_RESOURCES, COUNT(CORE_RESOURCES), out);
	buffer_append_string(out, "]}]}\n");
}

void discovery_write_aggregated(enum discovery_form form, bool custom, struct buffer *out)
{
	begin_aggregated(form, out);
	buffer_append_string(out, "\"name\":\"" DISCOVERY_METRICS_GROUP "\"},\"versions\":[");
	for (size_t i = 0; i < COUNT(METRICS_VERSIONS); i++) {
		if (i > 0)
			buffer_append_char(out, ',');
		write_aggregated_version(DISCOVERY_METRICS_GROUP, METRICS_VERSIONS[i],
			METRICS_RESOURCES, COUNT(METRICS_RESOURCES), out);
	}
	buffer_append_string(out, "]}");
	if (custom) {
		buffer_append_char(out, ',');
		custom_discovery_write_aggregated(out);
	}
	buffer_append_string(out, "]}\n");
}

void discovery_etag(const struct buffer *document, char ret_etag[DISCOVERY_ETAG_BYTES])
{
	static const char HEX[] = "0123456789ABCDEF";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *to = ret_etag;

	SHA256((const unsigned char *)document->data, document->length, digest);
	*to++ = '"';
	for (size_t i = 0; i < sizeof(digest); i++) {
		*to++ = HEX[digest[i] >> 4];
		*to++ = HEX[digest[i] & 15];
	}
	*to++ = '"';
	*to = '\0';
}

bool discovery_etag_matches(const char *if_none_match, const char *etag)
{
	/* The tag is quoted and has no quote within, so it can't be part of another one. */
	return if_none_match && strstr(if_none_match, etag) != NULL;
}
