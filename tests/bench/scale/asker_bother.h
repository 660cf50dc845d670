/* Clients that do harm, and do it again when they are cut. */
#ifndef SCALE_ASKER_BOTHER_H
#define SCALE_ASKER_BOTHER_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

/* Runs to the end and prints the report. 0; -EINVAL and a message: a file or flag is wrong;
 * another -errno: not one connection came about. */
int asker_bother(const struct asker_options *options, struct error *err);

#endif
