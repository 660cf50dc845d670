/* The last minute of one figure in a few letters. */
#ifndef TOP_SPARKLINE_H
#define TOP_SPARKLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPARKLINE_POINTS 60
#define SPARKLINE_BYTES  (SPARKLINE_POINTS * 3 + 1)

/* Zero-initialise. */
struct sparkline {
	float point[SPARKLINE_POINTS];
	unsigned count, next;
};

void sparkline_add(struct sparkline *line, double value);

/* The last minute in `width` letters, the newest at the right, blanks where nothing is known yet.
 * The height is a share of the highest point. With `utf8` in eighths of a block, else in ASCII.
 * `text` has room for SPARKLINE_BYTES. */
void sparkline_text(const struct sparkline *line, unsigned width, bool utf8, char *text);

#endif
