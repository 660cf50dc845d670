/* Long answers take turns: in each turn of the loop one page of one of them is made and sent, and
 * the next one in the line has the next. So a hundred lists that begin at once keep a request that
 * comes meanwhile waiting for one page, not for a hundred; all of them together are as fast.
 *
 * Of one serving loop, in its thread. */
#ifndef API_PAGE_TURN_H
#define API_PAGE_TURN_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

struct page_line;

/* Of one answer. Zero-initialise but for the line. */
struct page_turn {
	struct page_line *line;
	TAILQ_ENTRY(page_turn) place; /* while it waits */
	bool waits;
	void (*step)(void *context);
	void *context;
};

/* NULL when memory is short. */
struct page_line *page_line_new(struct event_base *base);

/* When nobody waits any more. NULL is fine. */
void page_line_free(struct page_line *line);

/* Takes the step, a page at most, when those in the line before it have had theirs. Not for one
 * that waits already. */
void page_turn_wait(struct page_turn *turn, void (*step)(void *context), void *context);

/* It is about to be freed. */
void page_turn_forget(struct page_turn *turn);

#endif
