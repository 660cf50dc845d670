/* What /version says. */
#ifndef API_VERSION_H
#define API_VERSION_H

#include "base/buffer.h"

/* Appends the document (k8s.io/apimachinery/pkg/version.Info) of a program whose version is
 * `version` ("0.1.0"), as compact JSON. */
void version_write(const char *version, struct buffer *out);

#endif
