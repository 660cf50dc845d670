/* Text from others, for a terminal or a log. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>

/* Copies `text` into `out` of `size` bytes; what would move the cursor, paint or begin a
 * line (C0, DEL, and C1 in UTF-8) becomes \xNN. What has no room is left out. Returns the length
 * written, without the NUL behind it. */
size_t escape_controls(char *out, size_t size, const char *text);

#endif
