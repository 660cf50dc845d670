#include "top/view.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAST_NAME  16
#define MOST_NAME   50
#define LEAST_LINE  10
#define OTHER_LINES 3 /* title, heading, status */

enum pair {
	PAIR_WARN = 1,
	PAIR_BAD,
	PAIR_DIM,
};

struct view {
	SCREEN *screen;
	int errors; /* the terminal's standard error, put aside */
	bool utf8;
};

static const char *const KEYS[] = {
	"up down j k   move            PgUp PgDn Home End",
	"n p           nodes, pods     s S   sort by the next, the column before",
	"/             filter          r     turn the order around",
	"c             columns: usual, all, CPU and memory",
	"? q           these keys, leave",
	"",
	"yellow and red: throttled, under pressure, near the limit",
};

static void hush(struct view *view)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	view->errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO);
		(void)close(null);
	}
}

struct view *view_open(struct error *err)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		(void)error_set(err, ENOTTY, "this is no terminal: --once prints once");
		free(view);
		return NULL;
	}
	(void)setlocale(LC_CTYPE, "");
	if (view)
		view->screen = newterm(NULL, stdout, stdin);
	if (!view || !view->screen) {
		(void)error_set(err, ENOTTY,
			"the terminal \"%s\" is unknown here: --once prints once",
			getenv("TERM") ? getenv("TERM") : "");
		free(view);
		return NULL;
	}
	view->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	hush(view);
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)curs_set(0);
	set_escdelay(50);
	if (has_colors()) {
		(void)start_color();
		(void)use_default_colors();
		(void)init_pair(PAIR_WARN, COLOR_YELLOW, -1);
		(void)init_pair(PAIR_BAD, COLOR_RED, -1);
		(void)init_pair(PAIR_DIM, COLOR_CYAN, -1);
	}
	return view;
}

void view_close(struct view *view)
{
	if (!view)
		return;
	(void)endwin();
	delscreen(view->screen);
	if (view->errors >= 0) {
		(void)dup2(view->errors, STDERR_FILENO);
		(void)close(view->errors);
	}
	free(view);
}

void view_resized(struct view *view)
{
	struct winsize size;

	(void)view;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		(void)resizeterm(size.ws_row, size.ws_col);
	(void)clearok(stdscr, TRUE);
}

int view_key(struct view *view)
{
	int key = getch();

	(void)view;
	return key == ERR ? -1 : key;
}

static attr_t alarm_look(enum alarm alarm)
{
	if (alarm == ALARM_BAD)
		return COLOR_PAIR(PAIR_BAD) | A_BOLD;
	return alarm == ALARM_WARN ? (attr_t)COLOR_PAIR(PAIR_WARN) : A_NORMAL;
}

/* The longest name that is to be seen, so that columns stand still as long as names do. */
static int name_width(const struct scene *scene)
{
	size_t width = LEAST_NAME;

	for (size_t i = 0; i < scene->table->count; i++)
		if (strlen(scene->table->order[i]->key) > width)
			width = strlen(scene->table->order[i]->key);
	return width > MOST_NAME ? MOST_NAME : (int)width;
}

static void draw_heading(const struct scene *scene, int width)
{
	int x = width;

	(void)attron(A_REVERSE);
	(void)mvhline(1, 0, ' ', COLS);
	(void)mvprintw(1, 0, "%.*s%s", COLS, scene->kind == KIND_PODS ? "NAMESPACE/POD" : "NODE",
		scene->order.column < 0 ? "*" : "");
	for (unsigned c = 0; c < COLUMN_COUNT; c++) {
		if (!(scene->columns & COLUMN_BIT(c)) || x + COLUMN_WIDTH + 2 > COLS)
			continue;
		(void)mvprintw(1, x, " %*s%s", COLUMN_WIDTH, column_info((enum column)c)->title,
			scene->order.column == (int)c ? "*" : " ");
		x += COLUMN_WIDTH + 2;
	}
	if (COLS - x > LEAST_LINE)
		(void)mvprintw(1, x + 1, "%.*s", COLS - x - 1,
			scene->by_second ? "LAST MINUTE" : "LAST ROUNDS");
	(void)attroff(A_REVERSE);
}

static void draw_row(const struct view *view, const struct scene *scene, const struct row *row,
	int y, int width, bool selected)
{
	char text[SPARKLINE_BYTES];
	attr_t look = selected ? A_BOLD | A_UNDERLINE : A_NORMAL;
	int x = width;

	(void)attrset((int)look);
	(void)mvprintw(y, 0, "%-*.*s", width, width < COLS ? width : COLS, row->key);
	for (unsigned c = 0; c < COLUMN_COUNT; c++) {
		enum alarm alarm = ALARM_NONE;

		if (!(scene->columns & COLUMN_BIT(c)) || x + COLUMN_WIDTH + 2 > COLS)
			continue;
		(void)strcpy(text, "-");
		if (row->has & COLUMN_BIT(c)) {
			column_text((enum column)c, row->value[c], text, sizeof(text));
			alarm = column_alarm((enum column)c, row->value[c]);
		}
		(void)attrset((int)(look | alarm_look(alarm)));
		(void)mvprintw(y, x, " %*s ", COLUMN_WIDTH, text);
		x += COLUMN_WIDTH + 2;
	}
	(void)attrset(COLOR_PAIR(PAIR_DIM));
	if (COLS - x > LEAST_LINE) {
		sparkline_text(&row->cpu, (unsigned)(COLS - x - 1), view->utf8, text);
		(void)mvaddstr(y, x + 1, text);
	}
	(void)attrset(A_NORMAL);
}

static void draw_title(const struct scene *scene)
{
	const struct table *table = scene->table;
	size_t all = HASH_COUNT(table->rows);

	(void)attron(A_BOLD);
	(void)mvprintw(0, 0, "tacho-top");
	(void)attroff(A_BOLD);
	(void)printw("  %s: %zu", scene->kind == KIND_PODS ? "pods" : "nodes", table->count);
	if (table->count != all)
		(void)printw(" of %zu", all);
	if (table->dropped)
		(void)printw(" (%ju more than fit)", (uintmax_t)table->dropped);
	(void)printw("  %s", scene->server);
	if (scene->namespace && scene->kind == KIND_PODS)
		(void)printw("  namespace %s", scene->namespace);
	if (*scene->order.filter || scene->typing)
		(void)printw("  filter /%s%s", scene->order.filter, scene->typing ? "_" : "");
}

static void draw_status(const struct scene *scene)
{
	char stale[64] = "";

	if (scene->age_s > 0)
		(void)snprintf(stale, sizeof(stale), "STALE %jus  ", (uintmax_t)scene->age_s);
	(void)attrset((int)(scene->failed ? alarm_look(ALARM_BAD) : A_DIM));
	(void)mvprintw(LINES - 1, 0, "%s%.*s", stale,
		COLS - 1 - (int)strlen(stale) > 0 ? COLS - 1 - (int)strlen(stale) : 0,
		*scene->status
			? scene->status
			: "q quit  n nodes  p pods  s sort  r reverse  / filter  c columns  ? help");
	(void)attrset(A_NORMAL);
}

static void keep_in_sight(struct scene *scene, size_t lines)
{
	size_t count = scene->table->count;

	if (scene->selected >= count)
		scene->selected = count ? count - 1 : 0;
	if (scene->offset > scene->selected)
		scene->offset = scene->selected;
	if (scene->selected >= scene->offset + lines)
		scene->offset = scene->selected - lines + 1;
}

void view_draw(struct view *view, struct scene *scene)
{
	size_t lines = LINES > OTHER_LINES ? (size_t)(LINES - OTHER_LINES) : 1;
	int width = name_width(scene);

	keep_in_sight(scene, lines);
	(void)erase();
	draw_title(scene);
	if (scene->help) {
		for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
			(void)mvaddstr((int)i + 2, 2, KEYS[i]);
	} else {
		draw_heading(scene, width);
		for (size_t i = 0; i < lines && scene->offset + i < scene->table->count; i++)
			draw_row(view, scene, scene->table->order[scene->offset + i], (int)i + 2,
				width, scene->offset + i == scene->selected);
	}
	draw_status(scene);
	(void)refresh();
}
