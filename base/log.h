/* The log: one line an event on standard error, the one piece of global state.
 *
 * A line is "<RFC 3339 UTC with milliseconds> <LEVEL> <message>". Control characters in a message
 * are written as \xNN, so that a hostile name can't forge a line. Safe from any thread; a line is
 * one write(2). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Lines above `level` are dropped. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* One line to standard error with time and level, control characters as \xNN, cut at some 1,000
 * bytes. Any thread. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Limits what a peer can make us write: at most one line each `interval_ns` of one limiter. Zero
 * it before use; one thread at a time.
 *
 *	if (log_allowed(&ctx->refused, NS_PER_SECOND, &held_back))
 *		log_warn("... (%llu more like this were held back)", ...); */
struct log_limit {
	uint64_t next_ns;
	uint64_t held_back;
};

/* True when a line may be written now; *ret_held_back is then the number of lines that were
 * refused since the last one. */
bool log_allowed(struct log_limit *limit, uint64_t interval_ns, uint64_t *ret_held_back);

#endif
