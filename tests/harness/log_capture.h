/* What the program writes to standard error while a test runs. */
#ifndef TESTS_HARNESS_LOG_CAPTURE_H
#define TESTS_HARNESS_LOG_CAPTURE_H

/* Sends standard error to a file until log_capture_end(). One at a time. Fails the running cmocka
 * test when it can't. */
struct log_capture {
	int file, saved;
};

struct log_capture log_capture_begin(void);

/* Puts standard error back; the caller frees the text. */
char *log_capture_end(struct log_capture *capture);

/* How often `part` is in `text`. */
unsigned log_capture_count(const char *text, const char *part);

#endif
