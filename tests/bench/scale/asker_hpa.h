/* Asks as the HPA does: many keep-alive connections, targets in turn, as fast as the answers come
 * or at a rate. */
#ifndef SCALE_ASKER_HPA_H
#define SCALE_ASKER_HPA_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

/* Runs to the end and prints the report. 0; -EINVAL and a message: a file or flag is wrong;
 * another -errno: nothing could be asked. */
int asker_hpa(const struct asker_options *options, struct error *err);

#endif
