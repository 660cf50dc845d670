#include "aggregator/api/status.h"

#include "aggregator/api/json_text.h"
#include "base/utf8.h"
#include "proto/kubernetes.pb-c.h"

#include <stdlib.h>
#include <string.h>

void status_free(struct status *status)
{
	buffer_free(&status->message);
	buffer_free(&status->name);
	for (size_t i = 0; i < status->cause_count; i++)
		free(status->causes[i].message);
	status->cause_count = 0;
}

static struct status make(int code, const char *reason, const char *message)
{
	struct status status = {.code = code, .reason = reason};

	buffer_append_string(&status.message, message);
	return status;
}

struct status status_bad_request(const char *message)
{
	return make(400, "BadRequest", message);
}

struct status status_unauthorized(void)
{
	return make(401, "Unauthorized", "Unauthorized");
}

struct status status_too_many_requests(const char *message, unsigned retry_after_s)
{
	struct status status = make(429, "TooManyRequests", message);

	status.has_details = true;
	status.retry_after_s = retry_after_s;
	return status;
}

struct status status_route_not_found(void)
{
	struct status status =
		make(404, "NotFound", "the server could not find the requested resource");

	status.has_details = true;
	return status;
}

struct status status_not_found(const char *group, const char *kind, const char *name)
{
	struct status status = make(404, "NotFound", kind);

	if (*group)
		buffer_printf(&status.message, ".%s", group);
	buffer_append_char(&status.message, ' ');
	utf8_append_quoted(&status.message, name);
	buffer_append_string(&status.message, " not found");
	status.has_details = true;
	buffer_append_string(&status.name, name);
	status.group = *group ? group : NULL;
	status.kind = kind;
	return status;
}

struct status status_metric_not_found(const char *metric, const char *resource, const char *name)
{
	struct status status = make(404, "NotFound", "the server could not find the metric ");

	buffer_printf(&status.message, "%s for %s", metric, resource);
	if (name)
		buffer_printf(&status.message, " %s", name);
	return status;
}

struct status status_method_not_allowed(void)
{
	struct status status = make(405, "MethodNotAllowed",
		"the server does not allow this method on the requested resource");

	status.has_details = true;
	return status;
}

struct status status_no_watch(const char *group, const char *resource)
{
	struct status status =
		make(405, "MethodNotAllowed", "watch is not supported on resources of kind \"");

	buffer_printf(&status.message, "%s%s%s\"", resource, *group ? "." : "", group);
	status.has_details = true;
	status.group = *group ? group : NULL;
	status.kind = resource;
	return status;
}

struct status status_unknown_type(void)
{
	struct status status = make(406, "NotAcceptable",
		"406: Not Acceptable\n\nAvailable representations: application/json, "
		"application/vnd.kubernetes.protobuf");

	status.has_details = true;
	return status;
}

struct status status_unknown_form(void)
{
	return make(406, "NotAcceptable",
		"only the following media types are accepted: application/json, "
		"application/vnd.kubernetes.protobuf");
}

struct status status_invalid_list_options(void)
{
	struct status status = make(422, "Invalid", "");

	status.has_details = true;
	status.group = "meta.k8s.io";
	status.kind = "ListOptions";
	return status;
}

struct status status_header_too_large(size_t most_bytes)
{
	struct status status = make(431, "RequestHeaderFieldsTooLarge", "");

	buffer_printf(&status.message, "the request's header is longer than %zu bytes", most_bytes);
	return status;
}

struct status status_internal(const char *message)
{
	struct status status = make(500, "InternalError", "Internal error occurred: ");

	buffer_append_string(&status.message, message);
	status.has_details = true;
	return status;
}

/* "ListOptions.meta.k8s.io "" is invalid: " and the causes, in brackets when there are several. */
static void write_invalid_message(struct status *status)
{
	bool several = status->cause_count > 1;

	buffer_clear(&status->message);
	buffer_printf(&status->message, "%s.%s \"\" is invalid: %s", status->kind, status->group,
		several ? "[" : "");
	for (size_t i = 0; i < status->cause_count; i++)
		buffer_printf(&status->message, "%s%s: %s", i > 0 ? ", " : "",
			status->causes[i].field, status->causes[i].message);
	if (several)
		buffer_append_char(&status->message, ']');
}

void status_add_cause(
	struct status *status, const char *reason, const char *field, const char *message)
{
	char *copy;

	if (status->cause_count == STATUS_MAX_CAUSES)
		return;
	copy = strdup(message);
	if (!copy)
		return;
	status->causes[status->cause_count++] = (struct status_cause){reason, field, copy};
	write_invalid_message(status);
}

/* The buffer's bytes as a text of their own; "" when memory is short. free() it. */
static char *text_of(const struct buffer *buffer)
{
	return strndup(buffer->length ? buffer->data : "", buffer->length);
}

static void json_member(struct buffer *out, const char *key, const char *value, bool *first)
{
	if (!value || !*value)
		return;
	buffer_append_char(out, *first ? '{' : ',');
	*first = false;
	json_text_append(out, key);
	buffer_append_char(out, ':');
	json_text_append(out, value);
}

static void json_causes(const struct status *status, struct buffer *out, bool *first)
{
	if (status->cause_count == 0)
		return;
	buffer_append_string(out, *first ? "{\"causes\":[" : ",\"causes\":[");
	for (size_t i = 0; i < status->cause_count; i++) {
		bool fresh = true;

		if (i > 0)
			buffer_append_char(out, ',');
		json_member(out, "reason", status->causes[i].reason, &fresh);
		json_member(out, "message", status->causes[i].message, &fresh);
		json_member(out, "field", status->causes[i].field, &fresh);
		buffer_append_char(out, '}');
	}
	buffer_append_char(out, ']');
	*first = false;
}

static void json_details(const struct status *status, struct buffer *out)
{
	char *name = text_of(&status->name);
	bool first = true;

	buffer_append_string(out, ",\"details\":");
	json_member(out, "name", name, &first);
	json_member(out, "group", status->group, &first);
	json_member(out, "kind", status->kind, &first);
	json_causes(status, out, &first);
	if (status->retry_after_s > 0)
		buffer_printf(out, "%c\"retryAfterSeconds\":%u}", first ? '{' : ',',
			status->retry_after_s);
	else
		buffer_append_string(out, first ? "{}" : "}");
	free(name);
}

void status_write_json(const struct status *status, struct buffer *out)
{
	char *message = text_of(&status->message);

	buffer_append_string(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
				  "\"status\":\"Failure\",\"message\":");
	json_text_append(out, message ? message : "");
	buffer_append_string(out, ",\"reason\":");
	json_text_append(out, status->reason);
	if (status->has_details)
		json_details(status, out);
	buffer_printf(out, ",\"code\":%d}\n", status->code);
	free(message);
}

/* A copy that a protobuf string may hold; NULL when empty or memory is short. free() it. */
static char *valid_text(const char *text)
{
	struct buffer valid = {0};

	if (text && *text) {
		utf8_append_valid(&valid, text);
		(void)buffer_terminate(&valid);
	}
	return valid.data;
}

static char *valid_bytes(const struct buffer *buffer)
{
	char *text = text_of(buffer), *valid = valid_text(text);

	free(text);
	return valid;
}

/* The array's elements and their pointers live as long as the caller's. */
static void fill_causes(const struct status *status, K8s__StatusCause *causes,
	K8s__StatusCause **pointers, K8s__StatusDetails *details)
{
	for (size_t i = 0; i < status->cause_count; i++) {
		k8s__status_cause__init(&causes[i]);
		causes[i].reason = (char *)(uintptr_t)status->causes[i].reason;
		causes[i].message = status->causes[i].message;
		causes[i].field = (char *)(uintptr_t)status->causes[i].field;
		pointers[i] = &causes[i];
	}
	details->n_causes = status->cause_count;
	details->causes = pointers;
}

/* The four bytes that tell Kubernetes' protobuf, then a runtime.Unknown around `raw`. */
static void write_envelope(const K8s__Status *message, struct buffer *out)
{
	static char version[] = "v1", kind[] = "Status";
	K8s__TypeMeta type = K8S__TYPE_META__INIT;
	K8s__Unknown unknown = K8S__UNKNOWN__INIT;
	struct buffer raw = {0};
	char *to = buffer_reserve(&raw, k8s__status__get_packed_size(message));

	if (!to) {
		out->failed = true;
		return;
	}
	raw.length = k8s__status__pack(message, (uint8_t *)to);
	type.api_version = version;
	type.kind = kind;
	unknown.type_meta = &type;
	unknown.has_raw = 1;
	unknown.raw = (ProtobufCBinaryData){raw.length, (uint8_t *)raw.data};
	buffer_append(out, "k8s\0", 4);
	to = buffer_reserve(out, k8s__unknown__get_packed_size(&unknown));
	if (to)
		out->length += k8s__unknown__pack(&unknown, (uint8_t *)to);
	buffer_free(&raw);
}

void status_write_protobuf(const struct status *status, struct buffer *out)
{
	static char failure[] = "Failure";
	K8s__ListMeta metadata = K8S__LIST_META__INIT;
	K8s__Status message = K8S__STATUS__INIT;
	K8s__StatusDetails details = K8S__STATUS_DETAILS__INIT;
	K8s__StatusCause causes[STATUS_MAX_CAUSES], *pointers[STATUS_MAX_CAUSES];
	char *text = valid_bytes(&status->message), *name = valid_bytes(&status->name);
	char *group = valid_text(status->group), *kind = valid_text(status->kind);

	message.metadata = &metadata;
	message.status = failure;
	message.message = text;
	message.reason = (char *)(uintptr_t)status->reason;
	message.has_code = 1;
	message.code = status->code;
	if (status->has_details) {
		details.name = name;
		details.group = group;
		details.kind = kind;
		details.has_retry_after_seconds = status->retry_after_s > 0;
		details.retry_after_seconds = (int32_t)status->retry_after_s;
		fill_causes(status, causes, pointers, &details);
		message.details = &details;
	}
	write_envelope(&message, out);
	free(text);
	free(name);
	free(group);
	free(kind);
}
