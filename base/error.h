/* The message of a failure, for the person who has to act on it.
 *
 * A function that can fail returns 0 or -errno and takes a `struct error *` as its last argument.
 * The error is written only on failure. A message says what was tried, on what, and why it
 * failed: "reading /sys/fs/cgroup/x/cpu.stat: No such file or directory". */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	char message[512];
};

/* Writes the message and returns -code. `code` is a positive errno; `err` may be NULL. A message
 * that is too long is cut. Never blocks, keeps errno. */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": <text of code>" behind the message. */
int error_errno(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the message that is already there and returns `result` unchanged, so
 * that `return error_context(err, r, "...")` works. */
int error_context(struct error *err, int result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
