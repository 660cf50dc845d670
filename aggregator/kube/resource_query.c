#include "aggregator/kube/resource_query.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* What a query may have as it is (RFC 3986, unreserved). */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_encoded(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (is_plain(*text))
			buffer_append_char(out, *text);
		else
			buffer_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* Nothing for NULL and "". */
static void put_parameter(struct buffer *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buffer_append_char(out, out->length && memchr(out->data, '?', out->length) ? '&' : '?');
	buffer_append_string(out, key);
	buffer_append_char(out, '=');
	put_encoded(out, value);
}

static void put_number(struct buffer *out, const char *key, uint32_t value)
{
	struct buffer digits = {0};

	buffer_append_uint(&digits, value);
	put_parameter(out, key, buffer_terminate(&digits));
	out->failed = out->failed || digits.failed;
	buffer_free(&digits);
}

static void put_selectors(struct buffer *out, const struct resource *resource)
{
	put_parameter(out, "fieldSelector", resource->field_selector);
	put_parameter(out, "labelSelector", resource->label_selector);
}

static char *finish(struct buffer *out)
{
	(void)buffer_terminate(out);
	if (!out->failed)
		return out->data;
	buffer_free(out);
	return NULL;
}

static bool is_given(const char *text)
{
	return text && *text;
}

char *resource_query_list(const struct resource *resource, const struct list_query *query)
{
	struct buffer out = {0};

	buffer_append_string(&out, resource->path);
	put_selectors(&out, resource);
	if (query->paged)
		put_number(&out, "limit", RESOURCE_QUERY_LIMIT);
	if (is_given(query->continue_token)) {
		put_parameter(&out, "continue", query->continue_token);
		return finish(&out);
	}
	put_parameter(&out, "resourceVersion", query->resource_version);
	if (is_given(query->resource_version) && strcmp(query->resource_version, "0") != 0)
		put_parameter(&out, "resourceVersionMatch", "NotOlderThan");
	return finish(&out);
}

char *resource_query_watch(const struct resource *resource, const struct watch_query *query)
{
	struct buffer out = {0};

	buffer_append_string(&out, resource->path);
	put_parameter(&out, "watch", "true");
	put_parameter(&out, "allowWatchBookmarks", "true");
	put_selectors(&out, resource);
	put_parameter(&out, "resourceVersion", query->resource_version);
	if (query->initial_events) {
		put_parameter(&out, "sendInitialEvents", "true");
		put_parameter(&out, "resourceVersionMatch", "NotOlderThan");
	}
	put_number(&out, "timeoutSeconds", query->timeout_s);
	return finish(&out);
}
