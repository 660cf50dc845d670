/* The picture: ncurses draws what a scene says. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "base/error.h"
#include "top/table.h"

#include <stdbool.h>
#include <stdint.h>

struct scene {
	enum kind kind;
	const struct table *table; /* sorted */
	column_set columns;
	struct table_order order;
	size_t selected, offset; /* view_draw() puts them within the rows */
	const char *server, *namespace;
	const char *status; /* the last line; "" = the keys */
	bool failed;        /* what stands there is a failure */
	bool by_second;     /* a point of the curve is a second's */
	uint64_t age_s;     /* of the figures, when they are stale; 0 = they are not */
	bool help, typing;  /* the list of keys; the filter is being typed */
};

struct view;

/* Takes the terminal; standard error is silent from now on. NULL and a message when there is none.
 */
struct view *view_open(struct error *err);

/* Gives it back as it was. NULL is fine. */
void view_close(struct view *view);

void view_draw(struct view *view, struct scene *scene);

/* The terminal has another size. */
void view_resized(struct view *view);

/* The next key as ncurses names it; -1: there is none. */
int view_key(struct view *view);

#endif
