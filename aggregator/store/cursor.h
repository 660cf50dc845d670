/* Moving a struct store_cursor, whose public part is in store.h. */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "aggregator/store/store.h"

/* Makes room for the longest names, so that moving on can't fail. 0 or -ENOMEM. */
int cursor_prepare(struct store_cursor *cursor);

/* Lets a prepared cursor stand behind this object. */
void cursor_move(struct store_cursor *cursor, const char *namespace, const char *name);

#endif
