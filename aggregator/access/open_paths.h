/* Paths that everyone may ask for: nobody is asked whether they may. */
#ifndef ACCESS_OPEN_PATHS_H
#define ACCESS_OPEN_PATHS_H

#include "aggregator/kube/auth_config.h"
#include "base/error.h"

#include <stdbool.h>

struct open_paths;

/* /healthz, /livez and /readyz, and those of `more` (copied; may be NULL): with a '*' at its end a
 * path stands for all that begin so. NULL and a message for a '*' elsewhere, or when memory is
 * short. */
struct open_paths *open_paths_new(const struct string_list *more, struct error *err);
void open_paths_free(struct open_paths *paths);

/* `path` is decoded, and whole. /readyz/x is not /readyz, and neither is /readyz/. */
bool open_paths_have(const struct open_paths *paths, const char *path);

/* The same for the three alone. */
bool open_paths_are_probes(const char *path);

#endif
