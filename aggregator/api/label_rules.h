/* What a label's key and value may look like (k8s.io/apimachinery/pkg/util/validation). */
#ifndef API_LABEL_RULES_H
#define API_LABEL_RULES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An optional DNS subdomain and '/', then a name. 0, or -EINVAL with a message as a selector's
 * 400 has it. */
int label_rules_check_key(const char *key, struct error *err);

/* `index` is the value's place among those of the requirement, for the message. 0 or -EINVAL. */
int label_rules_check_value(const char *key, size_t index, const char *value, struct error *err);

/* The right side of '>' and '<'. 0 or -EINVAL. */
int label_rules_check_integer(const char *value, int64_t *ret_number, struct error *err);

/* True when `text` is a decimal number of 64 bits, with or without a sign. */
bool label_rules_integer(const char *text, int64_t *ret_number);

#endif
