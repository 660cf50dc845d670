/* The requests to be sent, written ahead: as kube-apiserver's front proxy sends them for a user. */
#ifndef SCALE_ASKER_REQUESTS_H
#define SCALE_ASKER_REQUESTS_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

#include <stddef.h>
#include <stdint.h>

#define ASKER_MAX_TARGETS 1000000
#define ASKER_MAX_TARGET  8192 /* bytes of a path with its query */

struct asker_requests;

/* Those of options->targets (hpa), or the one of options->path. NULL and a message: a file that
 * can't be read, has no line, or one that is no path. */
struct asker_requests *asker_requests_new(const struct asker_options *options, struct error *err);
void asker_requests_free(struct asker_requests *requests);

/* The next one in turn, with an Audit-Id of its own. It stays until all others had their turn, but
 * for the Audit-Id, which another sending may change. */
const char *asker_requests_next(struct asker_requests *requests, size_t *ret_length);

#endif
