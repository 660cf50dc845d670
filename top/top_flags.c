#include "top/top_flags.h"

#include "base/clock.h"
#include "base/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_SPECS   32
#define SHOW_UNTOLD (-1)

static size_t table(struct flags *flags, struct option_spec *ret_specs)
{
	const struct option_spec specs[] = {
		{.type = OPTION_HEADING, .help = "What is shown"},
		{"show", OPTION_CHOICE, {.choice = &flags->show}, "WHAT",
			"The live view begins with pods unless it is told nodes; --once prints both unless told, or pods of a namespace.",
			.choices = "nodes|pods|all"},
		{"namespace", OPTION_STRING, {.string = &flags->namespace}, "NAMESPACE",
			"Pods of this namespace alone. Without it: of all."},
		{"n", OPTION_STRING, {.string = &flags->namespace}, "NAMESPACE", "The same."},
		{"A", OPTION_SWITCH, {.on = &flags->all_namespaces},
			.help = "Pods of all namespaces, as without -n."},
		{"selector", OPTION_STRING, {.string = &flags->selector}, "LABELS",
			"Only what has these labels: \"app=web,tier in (a,b)\"."},
		{"l", OPTION_STRING, {.string = &flags->selector}, "LABELS", "The same."},
		{"filter", OPTION_STRING, {.string = &flags->filter}, "TEXT",
			"Only what has this in its namespace/name."},
		{"sort", OPTION_STRING, {.string = &flags->sort}, "COLUMN",
			"The column to sort by, or name."},
		{"columns", OPTION_LIST, {.list = &flags->columns_list}, "COLUMNS",
			"Which columns, of: cpu, memory, throttled, pressure-cpu, pressure-memory, pressure-io, memory-ratio, receive, transmit, read, write, swap, retransmits, oom-kills, threads, cpu-peak, run-queue. Those that the server does not have are left out."},
		{"interval", OPTION_DURATION, {.number = &flags->interval_ns}, "DURATION",
			"How often is asked.", .min = NS_PER_SECOND / 5,
			.max = 3600 * NS_PER_SECOND},
		{.type = OPTION_HEADING, .help = "For scripts"},
		{"once", OPTION_SWITCH, {.on = &flags->once}, .help = "Print once and end."},
		{"output", OPTION_CHOICE, {.choice = &flags->output}, "FORM",
			"Of --once, which json implies; wide: every column that there is.",
			.choices = "table|wide|json"},
		{"o", OPTION_CHOICE, {.choice = &flags->output}, "FORM", "The same.",
			.choices = "table|wide|json"},
		{.type = OPTION_HEADING, .help = "The cluster"},
		{"kubeconfig", OPTION_STRING, {.string = &flags->kubeconfig}, "FILE",
			"Where the cluster is and who asks. Without it: the files of $KUBECONFIG, else ~/.kube/config."},
		{"context", OPTION_STRING, {.string = &flags->context}, "NAME",
			"The kubeconfig's context; without it the current one."},
		{"request-timeout", OPTION_DURATION, {.number = &flags->timeout_ns}, "DURATION",
			"How long one request may take.", .min = NS_PER_SECOND / 10,
			.max = 600 * NS_PER_SECOND},
		{.type = OPTION_HEADING, .help = "Others"},
		{"version", OPTION_SWITCH, {.on = &flags->version}, .help = "Print the version."},
		{"help", OPTION_SWITCH, {.on = &flags->help}, .help = "Print this."},
		{"h", OPTION_SWITCH, {.on = &flags->help}, .help = "The same."},
	};

	_Static_assert(sizeof(specs) / sizeof(specs[0]) <= MAX_SPECS, "too many flags");
	memcpy(ret_specs, specs, sizeof(specs));
	return sizeof(specs) / sizeof(specs[0]);
}

static int read_columns(struct flags *flags, struct error *err)
{
	enum column column;

	flags->columns = flags->output == OUTPUT_TABLE ? column_usual() : COLUMN_ALL;
	if (flags->columns_list.count > 0)
		flags->columns = 0;
	for (size_t i = 0; i < flags->columns_list.count; i++) {
		column = column_by_name(flags->columns_list.item[i]);
		if (column == COLUMN_COUNT)
			return error_set(err, EINVAL, "--columns: there is no column \"%s\"",
				flags->columns_list.item[i]);
		flags->columns |= COLUMN_BIT(column);
	}
	if (strcmp(flags->sort, "name") == 0) {
		flags->sort_column = -1;
		return 0;
	}
	column = *flags->sort ? column_by_name(flags->sort) : COLUMN_CPU;
	if (column == COLUMN_COUNT)
		return error_set(err, EINVAL, "--sort: there is no column \"%s\"", flags->sort);
	flags->sort_column = (int)column;
	return 0;
}

int top_flags_read(struct flags *flags, int argc, char *const *argv, struct error *err)
{
	struct option_spec specs[MAX_SPECS];
	size_t count;
	int r;

	*flags = (struct flags){
		.kubeconfig = "",
		.context = "",
		.namespace = "",
		.selector = "",
		.sort = "",
		.filter = "",
		.interval_ns = NS_PER_SECOND,
		.timeout_ns = 10 * NS_PER_SECOND,
		.show = SHOW_UNTOLD,
	};
	count = table(flags, specs);
	r = options_parse(specs, count, argc, argv, err);
	if (r == 0 && flags->all_namespaces && *flags->namespace)
		r = error_set(err, EINVAL, "-A and -n exclude each other");
	if (r == 0)
		r = read_columns(flags, err);
	if (flags->show == SHOW_UNTOLD) /* who may see one namespace may not see nodes */
		flags->show = *flags->namespace ? KIND_PODS : KIND_COUNT;
	flags->once = flags->once || flags->output == OUTPUT_JSON;
	return r;
}

void top_flags_help(struct flags *flags)
{
	struct option_spec specs[MAX_SPECS];

	(void)puts("tacho-top: nodes and pods of a cluster, as they are this second. As kubectl's "
		   "plugin: kubectl tacho.\n");
	options_print(specs, table(flags, specs), stdout);
}

void top_flags_free(struct flags *flags)
{
	string_list_free(&flags->columns_list);
}
