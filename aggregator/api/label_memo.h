/* Labels as they were last written: the pods of one owner share a set, and stand side by side in a
 * list. */
#ifndef API_LABEL_MEMO_H
#define API_LABEL_MEMO_H

#include "aggregator/api/object.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct label_memo {
	const struct label *of;
	uint64_t hold_ns; /* of the object that it was written for */
	struct buffer text;
};

static inline void label_memo_free(struct label_memo *memo)
{
	buffer_free(&memo->text);
	memo->of = NULL;
}

/* Appends what was written for the set of `object`'s labels. False when that was not the last one,
 * or in another hold of the store: since then the set may have become another in its place. */
bool label_memo_append(
	const struct label_memo *memo, const struct object *object, struct buffer *out);

/* What stands in `out` from `begin` on was written for it. */
void label_memo_keep(struct label_memo *memo, const struct object *object, const struct buffer *out,
	size_t begin);

#endif
