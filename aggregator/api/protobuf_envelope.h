/* What stands around an object in Kubernetes' protobuf: "k8s\0" and runtime.Unknown
 * (k8s.io/apimachinery, pkg/runtime), and the filler of a list whose length was declared before all
 * of it was there. */
#ifndef API_PROTOBUF_ENVELOPE_H
#define API_PROTOBUF_ENVELOPE_H

#include "base/buffer.h"

#include <stddef.h>

/* Field 2 of runtime.Unknown is `raw`, and field 2 of a list is `items`: an item written for a list
 * is, behind protobuf_envelope_object(), the whole answer for one object. */
#define PROTOBUF_ENVELOPE_META 1 /* a list's metadata */
#define PROTOBUF_ENVELOPE_ITEM 2

/* But for one list, meta.k8s.io/v1beta1 PartialObjectMetadataList: it has them the other way
 * round. */
#define PROTOBUF_ENVELOPE_V1BETA1_META 2
#define PROTOBUF_ENVELOPE_V1BETA1_ITEM 1

/* Appends what stands before the item of a single object. */
void protobuf_envelope_object(const char *api_version, const char *kind, struct buffer *out);

/* Appends what stands before the items of a list, whose metadata is field `meta_field`: items and
 * filler together will have `items_bytes`. */
void protobuf_envelope_list(const char *api_version, const char *kind, int meta_field,
	size_t items_bytes, struct buffer *out);

/* The least that a list has to leave for the filler, if it leaves anything. */
#define PROTOBUF_ENVELOPE_FILLER_LEAST 3

/* Appends the head of a filler of `size` bytes (PROTOBUF_ENVELOPE_FILLER_LEAST or more): a field
 * that no Kubernetes type has, so that every decoder skips it. Returns how many zero bytes the
 * caller appends behind it to make it complete. */
size_t protobuf_envelope_filler(size_t size, struct buffer *out);

#endif
