/* What is done with an answer's body: it is inflated where it is compressed, and its items are
 * counted; or neither, where nobody asks for that. */
#ifndef SCALE_ASKER_BODY_H
#define SCALE_ASKER_BODY_H

#include "base/error.h"
#include "tests/bench/scale/asker_items.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asker_body {
	bool counts; /* look into it */
	struct asker_items items;
	struct asker_inflater *inflater; /* made when it is needed, kept */
	bool inflating, inflated;        /* compressed; its end has come */
	uint64_t plain_bytes;            /* inflated; 0 when nobody looks */
};

/* Zero-initialise but for `counts`. */
void asker_body_start(struct asker_body *body);
void asker_body_free(struct asker_body *body);

/* An asker_answer_sink; `context` is the body. -EPROTO: neither protobuf nor gzip of it. */
int asker_body_take(void *context, bool gzip, const void *data, size_t size, struct error *err);

/* The body is complete: whether it is a list of `wanted` items. */
bool asker_body_has(const struct asker_body *body, uint64_t wanted);

#endif
