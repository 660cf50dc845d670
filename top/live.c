#include "top/live.h"

#include "base/clock.h"
#include "top/view.h"

#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILTER  100
#define KEY_ESCAPE  27
#define PAGE        10
#define EVENT_COUNT 7

struct live {
	struct ask *ask;
	struct event_base *base;
	struct view *view;
	struct table tables[KIND_COUNT];
	struct scene scene;
	column_set wanted;
	enum kind asked; /* what the round under way is about */
	char filter[MAX_FILTER + 1], status[512];
	uint64_t good_ns[KIND_COUNT]; /* of the last round that came; 0 = none */
	uint64_t interval_ns;
	int ended_by;
	struct event *event[EVENT_COUNT];
};

static void draw(struct live *live)
{
	struct scene *scene = &live->scene;
	uint64_t now = clock_monotonic_ns(), good = live->good_ns[scene->kind];

	scene->table = &live->tables[scene->kind];
	scene->columns = live->wanted & ask_offer(live->ask, scene->kind);
	scene->age_s = 0;
	if (good && now - good > live->interval_ns + 2 * NS_PER_SECOND)
		scene->age_s = (now - good) / NS_PER_SECOND;
	(void)table_sort(&live->tables[scene->kind], &scene->order);
	view_draw(live->view, scene);
}

static void on_round(void *context, const char *failure)
{
	struct live *live = context;
	const char *failure_or_note = failure;

	live->scene.failed = failure != NULL;
	if (!failure)
		failure_or_note =
			*ask_problem(live->ask) ? ask_problem(live->ask) : ask_note(live->ask);
	(void)snprintf(live->status, sizeof(live->status), "%s", failure_or_note);
	if (!failure)
		live->good_ns[live->asked] = clock_monotonic_ns();
	draw(live);
}

static void start_round(struct live *live)
{
	struct error err;

	if (ask_under_way(live->ask))
		return;
	live->asked = live->scene.kind;
	if (ask_round(live->ask, live->asked, live->wanted, &live->tables[live->asked], on_round,
		    live, &err) < 0)
		(void)snprintf(live->status, sizeof(live->status), "%s", err.message);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct live *live = context;

	(void)fd, (void)what;
	start_round(live);
	draw(live);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void type_filter(struct live *live, int key)
{
	size_t length = strlen(live->filter);

	if (key == '\r' || key == '\n' || key == KEY_ENTER) {
		live->scene.typing = false;
	} else if (key == KEY_ESCAPE) {
		live->scene.typing = false;
		live->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length > 0) {
		live->filter[length - 1] = '\0';
	} else if (key > ' ' && key <= '~' && length < MAX_FILTER) {
		live->filter[length] = (char)key;
		live->filter[length + 1] = '\0';
	}
}

/* The next of the columns that are shown, and of the names, which are -1. */
static void turn_sort(struct live *live, int step)
{
	struct table_order *order = &live->scene.order;
	int column = order->column;

	do {
		column += step;
		if (column >= COLUMN_COUNT)
			column = -1;
		else if (column < -1)
			column = COLUMN_COUNT - 1;
	} while (column >= 0 && !(live->scene.columns & COLUMN_BIT(column)));
	order->column = column;
	order->ascending = column < 0;
}

static void turn_columns(struct live *live)
{
	if (live->wanted == COLUMN_BASIC)
		live->wanted = column_usual();
	else
		live->wanted = live->wanted == COLUMN_ALL ? COLUMN_BASIC : COLUMN_ALL;
}

static void move_by(struct live *live, long by)
{
	size_t *selected = &live->scene.selected;

	if (by < 0 && *selected < (size_t)-by)
		*selected = 0;
	else
		*selected += (size_t)by; /* the view keeps it within the rows */
}

static void show_kind(struct live *live, enum kind kind)
{
	if (live->scene.kind == kind)
		return;
	live->scene.kind = kind;
	live->scene.selected = live->scene.offset = 0;
	start_round(live);
}

static void take_key(struct live *live, int key)
{
	switch (key) {
	case 'q':
		(void)event_base_loopbreak(live->base);
		break;
	case 'j':
	case KEY_DOWN:
		move_by(live, 1);
		break;
	case 'k':
	case KEY_UP:
		move_by(live, -1);
		break;
	case KEY_NPAGE:
		move_by(live, PAGE);
		break;
	case KEY_PPAGE:
		move_by(live, -PAGE);
		break;
	case KEY_HOME:
		live->scene.selected = 0;
		break;
	case KEY_END:
		live->scene.selected = TABLE_MAX_ROWS;
		break;
	case 'n':
		show_kind(live, KIND_NODES);
		break;
	case 'p':
		show_kind(live, KIND_PODS);
		break;
	case 's':
		turn_sort(live, 1);
		break;
	case 'S':
		turn_sort(live, -1);
		break;
	case 'r':
		live->scene.order.ascending = !live->scene.order.ascending;
		break;
	case 'c':
		turn_columns(live);
		break;
	case '/':
		live->scene.typing = true;
		break;
	case '?':
		live->scene.help = !live->scene.help;
		break;
	default:
		live->scene.help = false;
	}
}

static void on_input(evutil_socket_t fd, short what, void *context)
{
	struct live *live = context;
	int key;

	(void)what;
	while ((key = view_key(live->view)) >= 0) {
		if (live->scene.typing)
			type_filter(live, key);
		else
			take_key(live, key);
	}
	if (!isatty(fd)) { /* it is gone: hung up */
		live->ended_by = SIGHUP;
		(void)event_base_loopbreak(live->base);
	}
	draw(live);
}

static void on_signal(evutil_socket_t signal, short what, void *context)
{
	struct live *live = context;

	(void)what;
	if (signal == SIGWINCH) {
		view_resized(live->view);
		draw(live);
		return;
	}
	live->ended_by = signal;
	(void)event_base_loopbreak(live->base);
}

/* --- life ------------------------------------------------------------------------------------- */

static int add_events(struct live *live, struct error *err)
{
	static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	const struct timeval interval = {
		.tv_sec = (time_t)(live->interval_ns / NS_PER_SECOND),
		.tv_usec = (suseconds_t)(live->interval_ns % NS_PER_SECOND / NS_PER_USEC),
	};
	size_t count = 0;

	live->event[count++] = event_new(live->base, -1, EV_PERSIST, on_tick, live);
	live->event[count++] =
		event_new(live->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, live);
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
		live->event[count++] =
			event_new(live->base, SIGNALS[i], EV_SIGNAL | EV_PERSIST, on_signal, live);
	for (size_t i = 0; i < count; i++)
		if (!live->event[i] || event_add(live->event[i], i == 0 ? &interval : NULL) < 0)
			return error_set(err, ENOMEM, "starting the live view");
	return 0;
}

int live_run(struct ask *ask, struct event_base *base, const struct flags *flags,
	const char *server, struct error *err)
{
	struct live live = {
		.ask = ask,
		.base = base,
		.wanted = flags->columns,
		.interval_ns = flags->interval_ns,
		.scene =
			{
				.kind = flags->show == KIND_NODES ? KIND_NODES : KIND_PODS,
				.server = server,
				.by_second = flags->interval_ns == NS_PER_SECOND,
				.namespace = *flags->namespace ? flags->namespace : NULL,
				.order = {.column = flags->sort_column,
					.ascending = flags->sort_column < 0},
			},
	};
	int r;

	(void)snprintf(live.filter, sizeof(live.filter), "%s", flags->filter);
	(void)snprintf(live.status, sizeof(live.status), "asking %s ...", server);
	live.scene.order.filter = live.filter;
	live.scene.status = live.status;
	live.view = view_open(err);
	if (!live.view)
		return -ENOTTY;
	r = add_events(&live, err);
	if (r == 0) {
		start_round(&live);
		draw(&live);
		if (event_base_dispatch(base) < 0)
			r = error_set(err, EIO, "the loop failed");
	}
	view_close(live.view);
	for (size_t i = 0; i < EVENT_COUNT; i++)
		if (live.event[i])
			event_free(live.event[i]);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		table_free(&live.tables[kind]);
	return r < 0 || live.ended_by == 0 ? r : 128 + live.ended_by;
}
