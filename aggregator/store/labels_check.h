/* Whether labels may be taken. They come from kube-apiserver, which has checked them: the bounds
 * are wider than its own. */
#ifndef STORE_LABELS_CHECK_H
#define STORE_LABELS_CHECK_H

#include "aggregator/store/labels.h"
#include "base/error.h"

/* Checks the bounds of store.h, UTF-8, and that keys ascend. 0 or -EINVAL. */
int labels_check(const struct labels *labels, struct error *err);

#endif
