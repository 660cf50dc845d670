/* Takes what stands around an object in Kubernetes' protobuf off it: "k8s\0" and runtime.Unknown
 * (k8s.io/apimachinery, pkg/runtime). */
#ifndef KUBE_KUBE_ENVELOPE_H
#define KUBE_KUBE_ENVELOPE_H

#include "proto/protobuf_field.h"
#include "base/error.h"

#define KUBE_ENVELOPE_MAGIC      "k8s" /* and the NUL behind it */
#define KUBE_ENVELOPE_MAGIC_SIZE 4

/* Fields of runtime.Unknown. */
enum {
	KUBE_ENVELOPE_TYPE = 1,
	KUBE_ENVELOPE_RAW = 2,
};

/* Within the bytes that were opened. */
struct kube_envelope {
	struct span api_version, kind;
	struct span raw; /* the object */
};

/* 0, or -EINVAL with a message. */
int kube_envelope_open(struct span bytes, struct kube_envelope *ret_envelope, struct error *err);

/* Reads a TypeMeta. 0 or -EINVAL. */
int kube_envelope_read_type(struct span bytes, struct span *ret_api_version, struct span *ret_kind);

#endif
