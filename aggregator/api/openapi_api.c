#include "aggregator/api/openapi_api.h"

#include "aggregator/api/discovery.h"
#include "aggregator/api/openapi.h"
#include "aggregator/api/reply.h"

#include <string.h>

#define ROOT "/openapi/v3/apis/" DISCOVERY_METRICS_GROUP

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

/* The hash lets clients keep a document until it changes. One that is old gets the new document
 * all the same: a redirect would be a 502 behind kube-apiserver. */
static void write_reference(const char *version, struct buffer *out)
{
	struct buffer document = {0};
	char etag[DISCOVERY_ETAG_BYTES];

	openapi_write_v3(version, &document);
	out->failed |= document.failed;
	if (!document.failed) {
		discovery_etag(&document, etag);
		buffer_printf(out,
			"\"apis/" DISCOVERY_METRICS_GROUP "/%s\":{\"serverRelativeURL\":\"" ROOT
			"/%s?hash=%.*s\"}",
			version, version, (int)strlen(etag) - 2, etag + 1);
	}
	buffer_free(&document);
}

static void show_v3(void *context, struct exchange *exchange)
{
	struct buffer body = {0};

	(void)context;
	buffer_append_string(&body, "{\"paths\":{");
	write_reference("v1", &body);
	buffer_append_char(&body, ',');
	write_reference("v1beta1", &body);
	buffer_append_string(&body, "}}");
	send_tagged(exchange, &body);
	buffer_free(&body);
}

static void show_document(struct exchange *exchange, const char *version)
{
	struct buffer body = {0};

	openapi_write_v3(version, &body);
	send_tagged(exchange, &body);
	buffer_free(&body);
}

static void show_v1(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(exchange, "v1");
}

static void show_v1beta1(void *context, struct exchange *exchange)
{
	(void)context;
	show_document(exchange, "v1beta1");
}

void openapi_api_add_routes(struct router *router)
{
	router_add(router, "/openapi/v2", ROUTER_INDEX, show_v2, NULL);
	router_add(router, "/openapi/v3", ROUTER_SLASH | ROUTER_INDEX, show_v3, NULL);
	router_add(router, ROOT "/v1", ROUTER_INDEX, show_v1, NULL);
	router_add(router, ROOT "/v1beta1", ROUTER_INDEX, show_v1beta1, NULL);
}
