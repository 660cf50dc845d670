/* Label selectors: Kubernetes' grammar (k8s.io/apimachinery/pkg/labels), its error texts, and
 * matching. */
#ifndef API_LABEL_SELECTOR_H
#define API_LABEL_SELECTOR_H

#include "aggregator/store/labels.h"
#include "base/error.h"

#include <stdbool.h>

/* Bounds of our own: a selector beyond is a 400. */
#define LABEL_SELECTOR_MAX_BYTES        16384
#define LABEL_SELECTOR_MAX_REQUIREMENTS 256

struct label_selector;

/* Parses; "" selects everything. 0, or -EINVAL with Kubernetes' message, or -ENOMEM. The selector
 * is freed by label_selector_free() and keeps nothing of `text`. */
int label_selector_parse(const char *text, struct label_selector **ret_selector, struct error *err);
void label_selector_free(struct label_selector *selector);

/* NULL matches everything. */
bool label_selector_matches(const struct label_selector *selector, const struct labels *labels);

/* What every object that matches has for certain: the labels of "key=value", "key==value" and
 * "key in (value)"; of several for one key, one of them. Sorted; the selector's, may be empty. */
const struct labels *label_selector_required(const struct label_selector *selector);

#endif
