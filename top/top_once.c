#include "top/top_once.h"

#include "top/print.h"
#include "top/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct round {
	struct event_base *base;
	struct error *err;
	int result;
};

static void on_done(void *context, const char *failure)
{
	struct round *round = context;

	round->result = failure ? error_set(round->err, EIO, "%s", failure) : 0;
	(void)event_base_loopbreak(round->base);
}

/* 0; 1 when columns are missing that were asked for, which is said; or -errno. */
static int fetch(struct ask *ask, struct event_base *base, const struct flags *flags,
	enum kind kind, struct table *table, struct error *err)
{
	struct round round = {.base = base, .err = err, .result = -EINTR};
	const struct table_order order = {
		.column = flags->sort_column,
		.ascending = flags->sort_column < 0,
		.filter = flags->filter,
	};
	int r = ask_round(ask, kind, flags->columns, table, on_done, &round, err);

	if (r < 0)
		return r;
	if (event_base_dispatch(base) < 0)
		return error_set(err, EIO, "the loop failed");
	if (round.result < 0)
		return round.result;
	if (table_sort(table, &order) < 0)
		return error_errno(err, ENOMEM, "sorting");
	if (*ask_problem(ask))
		say(ask_problem(ask));
	return *ask_problem(ask) ? EXIT_FAILURE : 0;
}

static int print_tables(
	const struct ask *ask, const struct flags *flags, const struct table *tables)
{
	bool before = false;

	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		if (flags->show != KIND_COUNT && flags->show != (int)kind)
			continue;
		if (before)
			(void)putchar('\n');
		before = true;
		print_table(&tables[kind], (enum kind)kind,
			flags->columns & ask_offer(ask, (enum kind)kind), stdout);
	}
	return 0;
}

static int print_objects(const struct flags *flags, const struct table *tables, struct error *err)
{
	static const char *const KEYS[KIND_COUNT] = {"nodes", "pods"};
	json_t *root = json_object();
	int r = root ? 0 : -1;

	for (unsigned kind = 0; r == 0 && kind < KIND_COUNT; kind++)
		if (flags->show == KIND_COUNT || flags->show == (int)kind)
			r = json_object_set_new(root, KEYS[kind],
				print_json(&tables[kind], (enum kind)kind, flags->columns));
	if (r == 0)
		r = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	json_decref(root);
	(void)putchar('\n');
	return r < 0 && !ferror(stdout) ? error_errno(err, ENOMEM, "writing JSON") : 0;
}

int top_once_run(
	struct ask *ask, struct event_base *base, const struct flags *flags, struct error *err)
{
	struct table tables[KIND_COUNT] = {0};
	int r = 0, status = EXIT_SUCCESS;

	for (unsigned kind = 0; r >= 0 && kind < KIND_COUNT; kind++) {
		if (flags->show != KIND_COUNT && flags->show != (int)kind)
			continue;
		r = fetch(ask, base, flags, (enum kind)kind, &tables[kind], err);
		if (r > 0)
			status = r;
	}
	if (r >= 0 && *ask_note(ask))
		say(ask_note(ask));
	errno = 0;
	if (r >= 0)
		r = flags->output == OUTPUT_JSON ? print_objects(flags, tables, err)
						 : print_tables(ask, flags, tables);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		table_free(&tables[kind]);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = error_errno(err, errno ? errno : EIO, "writing to standard output");
	return r < 0 ? r : status;
}
