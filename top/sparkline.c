#include "top/sparkline.h"

#include <string.h>

#define LEVELS 8

static const char *const BLOCKS[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ASCII[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

void sparkline_add(struct sparkline *line, double value)
{
	line->point[line->next] = (float)value;
	line->next = (line->next + 1) % SPARKLINE_POINTS;
	if (line->count < SPARKLINE_POINTS)
		line->count++;
}

/* The `age`th newest point. */
static float point(const struct sparkline *line, unsigned age)
{
	return line->point[(line->next + SPARKLINE_POINTS - 1 - age) % SPARKLINE_POINTS];
}

/* The highest of the points that one letter stands for: a peak must not vanish. False: none. */
static bool highest(const struct sparkline *line, unsigned from, unsigned to, float *ret_value)
{
	if (from >= line->count)
		return false;
	*ret_value = point(line, from);
	for (unsigned age = from + 1; age < to && age < line->count; age++)
		if (point(line, age) > *ret_value)
			*ret_value = point(line, age);
	return true;
}

void sparkline_text(const struct sparkline *line, unsigned width, bool utf8, char *text)
{
	float top = 0, value;
	unsigned level;

	if (width > SPARKLINE_POINTS)
		width = SPARKLINE_POINTS;
	(void)highest(line, 0, SPARKLINE_POINTS, &top);
	for (unsigned i = width; i > 0; i--) {
		const char *letter = " ";

		if (highest(line, (i - 1) * SPARKLINE_POINTS / width, i * SPARKLINE_POINTS / width,
			    &value)) {
			level = top > 0 && value > 0 ? (unsigned)(value / top * (LEVELS - 1) + 0.5F)
						     : 0;
			letter = utf8 ? BLOCKS[level] : ASCII[level];
		}
		text = stpcpy(text, letter);
	}
	*text = '\0';
}
