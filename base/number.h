/* Strict decimal numbers, from text that need not be terminated. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Reads exactly `length` decimal digits. 0, -EINVAL (empty, or not all digits) or -ERANGE (beyond
 * 64 bits). *ret_value is untouched on failure. */
int number_parse(const char *text, size_t length, uint64_t *ret_value);

/* Reads the digits at the start of text[0..length) and sets *ret_used to their number. The same
 * errors: -EINVAL when there is none. */
int number_scan(const char *text, size_t length, uint64_t *ret_value, size_t *ret_used);

/* A duration as Go and Kubernetes write it: "15s", "1m30s", "500ms", "1.5h"; units h m s ms us ns;
 * "0" alone is legal. In nanoseconds. 0, -EINVAL or -ERANGE. Negative durations are -EINVAL. */
int number_parse_duration(const char *text, uint64_t *ret_ns);

#endif
