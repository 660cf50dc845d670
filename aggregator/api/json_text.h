/* JSON strings, escaped as Go's encoding/json does: besides '"', '\' and control characters also
 * '<', '>', '&', U+2028 and U+2029; each byte that is not part of valid UTF-8 becomes \ufffd. */
#ifndef API_JSON_TEXT_H
#define API_JSON_TEXT_H

#include "base/buffer.h"

#include <stddef.h>

/* The most bytes that a text of `length` bytes needs, quotes included. */
#define JSON_TEXT_BOUND(length) (6 * (length) + 2)

/* Writes text[0..length) with its quotes to `to`, which has JSON_TEXT_BOUND(length) bytes. Returns
 * where the next byte goes. */
char *json_text_put(char *to, const char *text, size_t length);

/* Appends the terminated `text` with its quotes. */
void json_text_append(struct buffer *out, const char *text);

#endif
