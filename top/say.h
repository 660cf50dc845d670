/* What went wrong, to people. */
#ifndef TOP_SAY_H
#define TOP_SAY_H

/* A line on standard error. What a server or a plugin wrote into it can't move the cursor or paint.
 */
void say(const char *text);

#endif
