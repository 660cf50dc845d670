/* Where the last set of labels was written: the pods of a workload share theirs (store/label_set),
 * and stand beside each other in the order of names, so that most of a list's labels need only be
 * copied. */
#ifndef API_LABEL_TEXT_H
#define API_LABEL_TEXT_H

#include "aggregator/api/put.h"
#include "aggregator/store/labels.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise. */
struct label_text {
	const struct labels *of;
	const struct buffer *in;
	size_t begin, length; /* of the text in it */
};

/* Sets live as long as the store is held, and another may come to lie where one was: to be called
 * before each hold, and when something is taken out of the buffer. */
static inline void label_text_forget(struct label_text *text)
{
	text->of = NULL;
}

/* Appends the text if it is of these labels; else false. */
static inline bool label_text_append(
	const struct label_text *text, const struct labels *labels, struct buffer *out)
{
	char *to;

	if (text->of != labels || text->in != out)
		return false;
	to = put_room(out, text->length); /* may move what is to be copied */
	if (to)
		put_end(out, put_bytes(to, out->data + text->begin, text->length));
	return true;
}

/* What stands in `out` from `begin` on is the text of these labels. */
static inline void label_text_keep(struct label_text *text, const struct labels *labels,
	const struct buffer *out, size_t begin)
{
	*text = (struct label_text){
		.of = labels, .in = out, .begin = begin, .length = out->length - begin};
}

/* What stands from `begin` on in `out` was moved by so many bytes, modulo SIZE_MAX + 1. */
static inline void label_text_moved(
	struct label_text *text, const struct buffer *out, size_t begin, size_t bytes)
{
	if (text->in == out && text->begin >= begin)
		text->begin += bytes;
}

#endif
