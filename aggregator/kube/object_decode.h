/* Decodes one PartialObjectMetadata (meta.k8s.io/v1) in Kubernetes' protobuf into memory of fixed
 * size: what is not kept, managedFields above all, is stepped over. */
#ifndef KUBE_OBJECT_DECODE_H
#define KUBE_OBJECT_DECODE_H

#include "aggregator/kube/object_metadata.h"
#include "proto/protobuf_field.h"
#include "base/error.h"

/* Bounds. Kubernetes validates lengths (k8s.io/apimachinery, pkg/util/validation and
 * pkg/api/validation) but bounds the number of labels by etcd's size of an object alone. */
#define OBJECT_MAX_NAME        253
#define OBJECT_MAX_UID         128
#define OBJECT_MAX_VERSION     64  /* a resourceVersion: a decimal number */
#define OBJECT_MAX_LABELS      256 /* much used objects have some twenty */
#define OBJECT_MAX_LABEL_KEY   317 /* 253 of the prefix, '/', 63 of the name */
#define OBJECT_MAX_LABEL_VALUE 63
#define OBJECT_MAX_CONFIG_HASH 64 /* 32 hexadecimal digits; a longer one is as if not there */

struct object_decoder;

/* About 100 KiB. NULL when memory is short. */
struct object_decoder *object_decoder_new(void);
void object_decoder_free(struct object_decoder *decoder);

/* 0; -EINVAL: this is no such object, and *ret_object is untouched; -E2BIG: it is one, but beyond a
 * bound, and has to be left out: *ret_object has what names it (or "" where that is beyond a bound)
 * and no labels. *ret_object is valid until the next call. */
int object_decode(struct object_decoder *decoder, struct span bytes,
	struct object_metadata *ret_object, struct error *err);

#endif
