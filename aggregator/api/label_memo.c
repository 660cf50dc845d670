#include "aggregator/api/label_memo.h"

#include "aggregator/api/put.h"

bool label_memo_append(
	const struct label_memo *memo, const struct object *object, struct buffer *out)
{
	if (!memo->of || memo->of != object->labels->item || memo->hold_ns != object->hold_ns)
		return false;
	put_append(out, memo->text.data, memo->text.length);
	return true;
}

void label_memo_keep(struct label_memo *memo, const struct object *object, const struct buffer *out,
	size_t begin)
{
	memo->of = NULL;
	if (object->hold_ns == 0 || out->failed)
		return;
	buffer_clear(&memo->text);
	put_append(&memo->text, out->data + begin, out->length - begin);
	if (memo->text.failed)
		return;
	memo->of = object->labels->item;
	memo->hold_ns = object->hold_ns;
}
