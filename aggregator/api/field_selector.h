/* Field selectors: metadata.name and metadata.namespace, Kubernetes' grammar and error texts
 * (k8s.io/apimachinery/pkg/fields). */
#ifndef API_FIELD_SELECTOR_H
#define API_FIELD_SELECTOR_H

#include "base/error.h"

#include <stdbool.h>

struct field_selector;

/* As label_selector_parse(). */
int field_selector_parse(const char *text, struct field_selector **ret_selector, struct error *err);
void field_selector_free(struct field_selector *selector);

/* NULL matches everything. `namespace` is "" for nodes. */
bool field_selector_matches(
	const struct field_selector *selector, const char *namespace, const char *name);

/* The name that it wants metadata.name to be equal to, or NULL; it belongs to the selector. */
const char *field_selector_name(const struct field_selector *selector);

#endif
