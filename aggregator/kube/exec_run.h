/* Runs a program to its end, as a question that it answers on standard output. */
#ifndef KUBE_EXEC_RUN_H
#define KUBE_EXEC_RUN_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

#define EXEC_RUN_MAX_BYTES (1U << 20) /* of what it writes */

struct exec_run_options {
	char **arguments; /* the program first, looked for in $PATH when it is a name; NULL behind
			   */
	char **variables; /* its whole environment, likewise */
	bool attended;    /* it has our standard input and error; else neither, and a limit */
	int limit_ms;
	const char *hint; /* said when there is no such program; NULL = nothing */
};

/* Blocks until it ended; unattended it is killed at the limit. What it wrote is appended to `out`,
 * a NUL behind it. 0; or -ENOENT and the like, -EIO (it ended with another status than 0),
 * -ETIMEDOUT, -EFBIG, with a message that names the program, and its last line of standard error
 * when nobody has seen it. */
int exec_run(const struct exec_run_options *options, struct buffer *out, struct error *err);

#endif
