#include "aggregator/api/openapi_api.h"

#include "aggregator/api/custom_discovery.h"
#include "aggregator/api/custom_openapi.h"
#include "aggregator/api/discovery.h"
#include "aggregator/api/openapi.h"
#include "aggregator/api/reply.h"

#include <string.h>

#define ROOT "/openapi/v3/apis"

/* Asked for each minute by every kube-apiserver, with the tag that it has. */
static void send_tagged(struct exchange *exchange, const struct buffer *document)
{
	char etag[DISCOVERY_ETAG_BYTES];

	if (document->failed) {
		reply_body(exchange, 200, "application/json", document); /* becomes a 500 */
		return;
	}
	discovery_etag(document, etag);
	reply_header(exchange, "ETag", etag);
	if (discovery_etag_matches(request_header(&exchange->request, "If-None-Match"), etag))
		reply_empty(exchange, 304);
	else
		reply_body(exchange, 200, "application/json", document);
}

static void show_v2(void *context, struct exchange *exchange)
{
	struct buffer body = {0};

	(void)context;
	openapi_write_v2(&body);
	send_tagged(exchange, &body);
	buffer_free(&body);
}

/* A document of OpenAPI 3.0: of one group and version. */
struct document {
	const char *group, *version;
	void (*write)(const char *version, struct buffer *out);
};

static const struct document DOCUMENTS[] = {
	{DISCOVERY_METRICS_GROUP, "v1", openapi_write_v3},
	{DISCOVERY_METRICS_GROUP, "v1beta1", openapi_write_v3},
	/* those with `custom` alone */
	{CUSTOM_DISCOVERY_GROUP, "v1beta2", custom_openapi_write},
	{CUSTOM_DISCOVERY_GROUP, "v1beta1", custom_openapi_write},
};

#define DOCUMENTS_OF_METRICS 2
#define DOCUMENTS_OF_ALL     4

/* The hash lets clients keep a document until it changes. One that is old gets the new document
 * all the same: a redirect would be a 502 behind kube-apiserver. */
static void write_reference(const struct document *of, struct buffer *out)
{
	struct buffer document = {0};
	char etag[DISCOVERY_ETAG_BYTES];

	of->write(of->version, &document);
	out->failed |= document.failed;
	if (!document.failed) {
		discovery_etag(&document, etag);
		buffer_printf(out,
			"\"apis/%s/%s\":{\"serverRelativeURL\":\"" ROOT "/%s/%s?hash=%.*s\"}",
			of->group, of->version, of->group, of->version, (int)strlen(etag) - 2,
			etag + 1);
	}
	buffer_free(&document);
}

static void show_v3(struct exchange *exchange, size_t documents)
{
	struct buffer body = {0};

	buffer_append_string(&body, "{\"paths\":{");
	for (size_t i = 0; i < documents; i++) {
		if (i > 0)
			buffer_append_char(&body, ',');
		write_reference(&DOCUMENTS[i], &body);
	}
	buffer_append_string(&body, "}}");
	send_tagged(exchange, &body);
	buffer_free(&body);
}

static void show_v3_of_metrics(void *context, struct exchange *exchange)
{
	(void)context;
	show_v3(exchange, DOCUMENTS_OF_METRICS);
}

static void show_v3_of_all(void *context, struct exchange *exchange)
{
	(void)context;
	show_v3(exchange, DOCUMENTS_OF_ALL);
}

static void show_document(const struct document *of, struct exchange *exchange)
{
	struct buffer body = {0};

	of->write(of->version, &body);
	send_tagged(exchange, &body);
	buffer_free(&body);
}

static void show_v1(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(&DOCUMENTS[0], exchange);
}

static void show_v1beta1(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(&DOCUMENTS[1], exchange);
}

static void show_custom_v1beta2(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(&DOCUMENTS[2], exchange);
}

static void show_custom_v1beta1(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(&DOCUMENTS[3], exchange);
}

#define METRICS ROOT "/" DISCOVERY_METRICS_GROUP
#define CUSTOM  ROOT "/" CUSTOM_DISCOVERY_GROUP

void openapi_api_add_routes(struct router *router, bool custom)
{
	router_add(router, "/openapi/v2", ROUTER_INDEX, show_v2, NULL);
	router_add(router, "/openapi/v3", ROUTER_SLASH | ROUTER_INDEX,
		custom ? show_v3_of_all : show_v3_of_metrics, NULL);
	router_add(router, METRICS "/v1", ROUTER_INDEX, show_v1, NULL);
	router_add(router, METRICS "/v1beta1", ROUTER_INDEX, show_v1beta1, NULL);
	if (!custom)
		return;
	router_add(router, CUSTOM "/v1beta2", ROUTER_INDEX, show_custom_v1beta2, NULL);
	router_add(router, CUSTOM "/v1beta1", ROUTER_INDEX, show_custom_v1beta1, NULL);
}
