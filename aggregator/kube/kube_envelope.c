#include "aggregator/kube/kube_envelope.h"

#include <errno.h>
#include <string.h>

/* Fields of TypeMeta. */
enum {
	TYPE_API_VERSION = 1,
	TYPE_KIND = 2,
};

int kube_envelope_read_type(struct span bytes, struct span *ret_api_version, struct span *ret_kind)
{
	struct span api_version = span_of("", 0), kind = span_of("", 0);
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type == FIELD_BYTES && field.number == TYPE_API_VERSION)
			api_version = field.bytes;
		else if (field.type == FIELD_BYTES && field.number == TYPE_KIND)
			kind = field.bytes;
	}
	if (r < 0)
		return r;
	*ret_api_version = api_version;
	*ret_kind = kind;
	return 0;
}

static int read_unknown(struct span bytes, struct kube_envelope *envelope)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type != FIELD_BYTES)
			continue;
		if (field.number == KUBE_ENVELOPE_TYPE)
			r = kube_envelope_read_type(
				field.bytes, &envelope->api_version, &envelope->kind);
		else if (field.number == KUBE_ENVELOPE_RAW)
			envelope->raw = field.bytes;
		if (r < 0)
			return r;
	}
	return r;
}

int kube_envelope_open(struct span bytes, struct kube_envelope *ret_envelope, struct error *err)
{
	struct kube_envelope envelope = {
		.api_version = span_of("", 0), .kind = span_of("", 0), .raw = span_of("", 0)};

	if (bytes.size < KUBE_ENVELOPE_MAGIC_SIZE ||
		memcmp(bytes.data, KUBE_ENVELOPE_MAGIC, KUBE_ENVELOPE_MAGIC_SIZE) != 0)
		return error_set(err, EINVAL, "an object that is not in Kubernetes' protobuf");
	bytes.data += KUBE_ENVELOPE_MAGIC_SIZE;
	bytes.size -= KUBE_ENVELOPE_MAGIC_SIZE;
	if (read_unknown(bytes, &envelope) < 0)
		return error_set(err, EINVAL, "an object that is no whole protobuf");
	*ret_envelope = envelope;
	return 0;
}
