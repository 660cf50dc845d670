/* What a name must be before the store takes it: fit to stand in a URL's path, in JSON and in a
 * log line. */
#ifndef STORE_OBJECT_NAME_H
#define STORE_OBJECT_NAME_H

#include "base/error.h"

#include <stddef.h>

/* Checks a text that only has to be printable: at most `most` bytes of UTF-8 without control
 * characters; "" passes. `what` begins the message: "its uid". 0 or -EINVAL. */
int object_name_check_bytes(const char *what, const char *text, size_t most, struct error *err);

/* The same with STORE_MAX_NAME bytes. */
int object_name_check_text(const char *what, const char *text, struct error *err);

/* The same, and fit for one segment of a path, by the rule of k8s.io/apimachinery's
 * path.IsValidPathSegmentName: no '/', no '%', not "." and not "..". */
int object_name_check(const char *what, const char *name, struct error *err);

#endif
