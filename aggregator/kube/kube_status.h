/* What an API server says of a failure: meta/v1 Status. */
#ifndef KUBE_KUBE_STATUS_H
#define KUBE_KUBE_STATUS_H

#include "proto/protobuf_field.h"

#include <stdint.h>

/* Texts are cut where they are longer. */
struct kube_status {
	int code; /* HTTP's; 0 = not said */
	uint32_t retry_after_s;
	char reason[64];
	char message[256];
};

/* A Status in protobuf, without its envelope. 0; -EINVAL: it is none, *ret_status is untouched. */
int kube_status_read_protobuf(struct span bytes, struct kube_status *ret_status);

/* The same of JSON. */
int kube_status_read_json(struct span bytes, struct kube_status *ret_status);

#endif
