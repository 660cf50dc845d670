/* Valid UTF-8, and texts for messages that may hold anything. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buffer.h"

#include <stddef.h>

/* The bytes of the character at the start of text[0..length), or 0 when it is not valid: cut off,
 * too long for its value, a surrogate, or beyond U+10FFFF (Unicode 16.0, table 3-7). */
size_t utf8_character(const char *text, size_t length);

/* Appends the terminated text; each byte that is not part of valid UTF-8 becomes U+FFFD, for a
 * protobuf string must be valid. */
void utf8_append_valid(struct buffer *out, const char *text);

/* Appends the terminated text within double quotes as Go's %q does: what is no printable character
 * is escaped, and so is a byte that is not valid UTF-8. */
void utf8_append_quoted(struct buffer *out, const char *text);

#endif
