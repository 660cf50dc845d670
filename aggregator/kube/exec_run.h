/* Runs a program to its end, as a question that it answers on standard output. */
#ifndef KUBE_EXEC_RUN_H
#define KUBE_EXEC_RUN_H

#include "base/buffer.h"
#include "base/error.h"

#define EXEC_RUN_MAX_BYTES (1U << 20) /* of what it writes */

/* Who is there while it runs. */
enum exec_attendance {
	EXEC_ALONE,   /* nobody: it has no input, what it says to people is kept, and it has a limit
		       */
	EXEC_WATCHED, /* somebody reads our standard error, which it has, and waits */
	EXEC_ATTENDED, /* and answers on our standard input, which it has too */
};

struct exec_run_options {
	char **arguments; /* the program first, looked for in $PATH when it is a name; NULL behind
			   */
	char **variables; /* its whole environment, likewise */
	enum exec_attendance attendance;
	int limit_ms;     /* alone */
	const char *hint; /* said when there is no such program; NULL = nothing */
};

/* Blocks until it ended; alone it is killed at the limit. What it wrote is appended to `out`,
 * a NUL behind it. 0; or -ENOENT and the like, -EIO (it ended with another status than 0),
 * -ECHILD (the kernel told nobody how it ended: we ignore SIGCHLD), -ETIMEDOUT, -EFBIG, with a
 * message that names the program, and its last line of standard error when nobody has seen it. */
int exec_run(const struct exec_run_options *options, struct buffer *out, struct error *err);

#endif
