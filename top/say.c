#include "top/say.h"

#include "base/error.h"
#include "base/escape.h"

#include <stdio.h>

void say(const char *text)
{
	char line[4 * sizeof(struct error)];

	(void)escape_controls(line, sizeof(line), text);
	(void)fprintf(stderr, "tacho-top: %s\n", line);
}
