#include "aggregator/api/forbidden.h"

#include "base/utf8.h"

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void quote_resource(const struct access_attributes *attributes, struct buffer *out)
{
	struct buffer resource = {0};
	const char *text;

	buffer_append_string(&resource, attributes->resource);
	if (*attributes->subresource)
		buffer_printf(&resource, "/%s", attributes->subresource);
	text = buffer_terminate(&resource);
	utf8_append_quoted(out, text_or_empty(text));
	buffer_free(&resource);
}

/* `User "u" cannot list resource "pods" in API group "g" in the namespace "ns"`, as
 * k8s.io/apiserver's responsewriters say it. */
static void write_refusal(const struct access_attributes *attributes, struct buffer *out)
{
	buffer_append_string(out, "User ");
	utf8_append_quoted(out, text_or_empty(attributes->user->name));
	buffer_printf(out, " cannot %s ", attributes->verb);
	if (!attributes->resource_request) {
		buffer_append_string(out, "path ");
		utf8_append_quoted(out, attributes->path);
		return;
	}
	buffer_append_string(out, "resource ");
	quote_resource(attributes, out);
	buffer_append_string(out, " in API group ");
	utf8_append_quoted(out, attributes->group);
	if (*attributes->namespace) {
		buffer_append_string(out, " in the namespace ");
		utf8_append_quoted(out, attributes->namespace);
	} else {
		buffer_append_string(out, " at the cluster scope");
	}
}

/* Kubernetes keeps a browser from taking a path for markup. */
static void append_sanitized(struct buffer *out, const struct buffer *text)
{
	for (size_t i = 0; i < text->length; i++) {
		switch (text->data[i]) {
		case '&':
			buffer_append_string(out, "&amp;");
			break;
		case '<':
			buffer_append_string(out, "&lt;");
			break;
		case '>':
			buffer_append_string(out, "&gt;");
			break;
		default:
			buffer_append_char(out, text->data[i]);
		}
	}
}

struct status forbidden_status(const struct access_attributes *attributes, const char *reason)
{
	struct status status = {.code = 403, .reason = "Forbidden", .has_details = true};
	struct buffer refusal = {0};

	if (attributes->resource_request && (*attributes->resource || *attributes->group)) {
		buffer_printf(&status.message, "%s%s%s ", attributes->resource,
			*attributes->group ? "." : "", attributes->group);
		if (*attributes->name) {
			utf8_append_quoted(&status.message, attributes->name);
			buffer_append_char(&status.message, ' ');
		}
		buffer_append_string(&status.message, "is ");
		buffer_append_string(&status.name, attributes->name);
		status.group = attributes->group;
		status.kind = attributes->resource;
	}
	buffer_append_string(&status.message, "forbidden: ");
	write_refusal(attributes, &refusal);
	append_sanitized(&status.message, &refusal);
	buffer_free(&refusal);
	if (*reason)
		buffer_printf(&status.message, ": %s", reason);
	return status;
}
