#include "aggregator/store/labels_check.h"

#include "aggregator/store/object_name.h"
#include "aggregator/store/store.h"

#include <errno.h>
#include <string.h>

int labels_check(const struct labels *labels, struct error *err)
{
	if (labels->count > STORE_MAX_LABELS)
		return error_set(err, EINVAL, "it has %zu labels, more than %d", labels->count,
			STORE_MAX_LABELS);
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->item[i];
		int r = object_name_check_bytes(
			"a label's key", label->key, STORE_MAX_LABEL_KEY, err);

		if (r == 0)
			r = object_name_check_bytes(
				"a label's value", label->value, STORE_MAX_LABEL_VALUE, err);
		if (r < 0)
			return r;
		if (i > 0 && strcmp(labels->item[i - 1].key, label->key) >= 0)
			return error_set(
				err, EINVAL, "its labels are not sorted at \"%s\"", label->key);
	}
	return 0;
}
