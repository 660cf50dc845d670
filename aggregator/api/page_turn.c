#include "aggregator/api/page_turn.h"

#include <stdlib.h>

TAILQ_HEAD(page_queue, page_turn);

struct page_line {
	struct page_queue waiting;
	struct event *next;
};

/* In the next turn of the loop, when those who can be read have been; without memory for a timer in
 * this one. */
static void schedule(struct page_line *line)
{
	static const struct timeval NOW = {0, 0};

	if (event_add(line->next, &NOW) < 0)
		event_active(line->next, EV_TIMEOUT, 0);
}

static void take_turn(evutil_socket_t fd, short events, void *context)
{
	struct page_line *line = context;
	struct page_turn *first = TAILQ_FIRST(&line->waiting);

	(void)fd;
	(void)events;
	if (!first)
		return;
	page_turn_forget(first);
	first->step(first->context); /* it may be gone, or at the end of the line */
	if (!TAILQ_EMPTY(&line->waiting))
		schedule(line);
}

struct page_line *page_line_new(struct event_base *base)
{
	struct page_line *line = calloc(1, sizeof(*line));

	if (!line)
		return NULL;
	TAILQ_INIT(&line->waiting);
	line->next = event_new(base, -1, 0, take_turn, line);
	if (line->next)
		return line;
	free(line);
	return NULL;
}

void page_line_free(struct page_line *line)
{
	if (!line)
		return;
	event_free(line->next);
	free(line);
}

void page_turn_wait(struct page_turn *turn, void (*step)(void *context), void *context)
{
	struct page_line *line = turn->line;

	turn->step = step;
	turn->context = context;
	turn->waits = true;
	if (TAILQ_EMPTY(&line->waiting))
		schedule(line);
	TAILQ_INSERT_TAIL(&line->waiting, turn, place);
}

void page_turn_forget(struct page_turn *turn)
{
	if (turn->waits)
		TAILQ_REMOVE(&turn->line->waiting, turn, place);
	turn->waits = false;
}
