/* aggregator/api/page_turn: whose page is next, and what comes between two pages. */
#include "aggregator/api/page_turn.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MOST 100

static struct event_base *base;
static struct page_line *line;
static struct page_turn answers[MOST];
static size_t pages[MOST]; /* that each has still to send */
static char order[1000];   /* whose pages were sent: 'a' is the first */
static size_t sent;

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	line = page_line_new(base);
	assert_non_null(line);
	memset(answers, 0, sizeof(answers));
	for (size_t i = 0; i < MOST; i++)
		answers[i].line = line;
	memset(order, 0, sizeof(order));
	sent = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	page_line_free(line);
	event_base_free(base);
	return 0;
}

static void send_page(void *context)
{
	struct page_turn *turn = context;
	size_t i = (size_t)(turn - answers);

	order[sent++] = (char)('a' + i);
	if (--pages[i] > 0)
		page_turn_wait(turn, send_page, turn);
}

static void wants(size_t i, size_t count)
{
	pages[i] = count;
	page_turn_wait(&answers[i], send_page, &answers[i]);
}

static void a_page_each_in_order(void **state)
{
	(void)state;
	wants(0, 3);
	wants(1, 1);
	wants(2, 2);
	assert_int_equal(sent, 0); /* nothing before the loop has control */
	(void)event_base_dispatch(base);
	assert_string_equal(order, "abcaca");
}

/* Each time something can be read it notes so among the pages. */
static void readable(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	order[sent++] = '.';
	if (strlen(order) > 250)
		(void)event_base_loopbreak(context);
}

static void who_can_be_read_waits_for_one_page(void **state)
{
	struct event *read_event;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1); /* never read: it can be in every turn */
	read_event = event_new(base, ends[0], EV_READ | EV_PERSIST, readable, base);
	assert_int_equal(event_add(read_event, NULL), 0);
	for (size_t i = 0; i < MOST; i++)
		wants(i, 1);
	(void)event_base_dispatch(base);
	event_free(read_event);
	assert_int_equal(close(ends[0]) + close(ends[1]), 0);
	for (const char *at = order; *at; at++)
		if (*at != '.')
			assert_true(at == order || at[-1] == '.');
	for (size_t i = 0; i < MOST; i++)
		assert_int_equal(pages[i], 0);
}

static void one_that_leaves_holds_nobody_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		wants(i, 2);
	page_turn_forget(&answers[0]);
	page_turn_forget(&answers[2]);
	page_turn_forget(&answers[2]); /* waits no more */
	(void)event_base_dispatch(base);
	assert_string_equal(order, "bdbd");
	/* and when all have left, who comes next is not forgotten */
	wants(1, 2);
	page_turn_forget(&answers[1]);
	wants(3, 1);
	(void)event_base_dispatch(base);
	assert_string_equal(order, "bdbdd");
}

static void leave(void *context)
{
	send_page(context);
	page_turn_forget(&answers[1]);
}

static void a_step_may_end_another(void **state)
{
	(void)state;
	pages[0] = 1;
	page_turn_wait(&answers[0], leave, &answers[0]);
	wants(1, 1);
	wants(2, 1);
	(void)event_base_dispatch(base);
	assert_string_equal(order, "ac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_page_each_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_can_be_read_waits_for_one_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_leaves_holds_nobody_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_step_may_end_another, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
