/* What the code under test writes to standard error, for tests that check log lines. */
#ifndef TESTS_HARNESS_LOG_CAPTURE_H
#define TESTS_HARNESS_LOG_CAPTURE_H

#include <stdbool.h>

/* From now on standard error goes into memory. One at a time. Fails the running cmocka test. */
struct log_capture *log_capture_start(void);

/* True once `text` was written; waits for it up to `timeout_ms`. */
bool log_capture_has(struct log_capture *capture, const char *text, unsigned timeout_ms);

/* How often `text` was written so far. */
unsigned log_capture_count(struct log_capture *capture, const char *text);

/* The same in a text, such as that of log_capture_end(). */
unsigned log_capture_count_in(const char *log, const char *text);

/* Stops and returns all that was written; the caller frees it. */
char *log_capture_end(struct log_capture *capture);

/* Standard error is what it was. NULL is fine. */
void log_capture_stop(struct log_capture *capture);

#endif
