/* Flags of metrics-server that have no sense here: taken, so that its arguments carry over, and
 * told in the log with the reason. */
#ifndef AGGREGATOR_FLAGS_IGNORED_H
#define AGGREGATOR_FLAGS_IGNORED_H

#include "base/options.h"

#include <stddef.h>

extern const struct option_spec FLAGS_IGNORED[];
extern const size_t FLAGS_IGNORED_COUNT;

#endif
