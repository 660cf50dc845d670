/* Asks for one path again and again, one answer after the other, as dashboards and the VPA do. */
#ifndef SCALE_ASKER_LIST_H
#define SCALE_ASKER_LIST_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

/* Runs to the end and prints the report. 0; -EINVAL and a message: a file or flag is wrong;
 * another -errno: there was not one answer. */
int asker_list(const struct asker_options *options, struct error *err);

#endif
