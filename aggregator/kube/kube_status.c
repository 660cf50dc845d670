#include "aggregator/kube/kube_status.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Fields of Status and of StatusDetails. */
enum {
	STATUS_MESSAGE = 3,
	STATUS_REASON = 4,
	STATUS_DETAILS = 5,
	STATUS_CODE = 6,
	DETAILS_RETRY_AFTER = 5,
};

static void copy_text(char *to, size_t size, struct span text)
{
	size_t length = text.size < size - 1 ? text.size : size - 1;

	if (length > 0)
		memcpy(to, text.data, length);
	to[length] = '\0';
}

static int code_of(uint64_t value)
{
	return value >= 100 && value <= 599 ? (int)value : 0;
}

static uint32_t seconds_of(uint64_t value)
{
	return value <= INT32_MAX ? (uint32_t)value : 0; /* negative: nonsense */
}

static int read_details(struct span bytes, struct kube_status *status)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type == FIELD_VARINT && field.number == DETAILS_RETRY_AFTER)
			status->retry_after_s = seconds_of(field.value);
	}
	return r;
}

static int take_field(const struct protobuf_field *field, struct kube_status *status)
{
	if (field->type == FIELD_VARINT) {
		if (field->number == STATUS_CODE)
			status->code = code_of(field->value);
		return 0;
	}
	if (field->type != FIELD_BYTES)
		return 0;
	switch (field->number) {
	case STATUS_MESSAGE:
		copy_text(status->message, sizeof(status->message), field->bytes);
		return 0;
	case STATUS_REASON:
		copy_text(status->reason, sizeof(status->reason), field->bytes);
		return 0;
	case STATUS_DETAILS:
		return read_details(field->bytes, status);
	default:
		return 0;
	}
}

int kube_status_read_protobuf(struct span bytes, struct kube_status *ret_status)
{
	struct kube_status status = {0};
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		r = take_field(&field, &status);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret_status = status;
	return 0;
}

static void copy_string(char *to, size_t size, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	(void)snprintf(to, size, "%s", text ? text : "");
}

static uint64_t number_in(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

int kube_status_read_json(struct span bytes, struct kube_status *ret_status)
{
	json_t *object =
		bytes.size ? json_loadb((const char *)bytes.data, bytes.size, 0, NULL) : NULL;
	const char *kind = json_string_value(json_object_get(object, "kind"));

	if (!kind || strcmp(kind, "Status") != 0) {
		json_decref(object);
		return -EINVAL;
	}
	ret_status->code = code_of(number_in(object, "code"));
	ret_status->retry_after_s =
		seconds_of(number_in(json_object_get(object, "details"), "retryAfterSeconds"));
	copy_string(ret_status->message, sizeof(ret_status->message), object, "message");
	copy_string(ret_status->reason, sizeof(ret_status->reason), object, "reason");
	json_decref(object);
	return 0;
}
