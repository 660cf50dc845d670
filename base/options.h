/* Command-line flags as Kubernetes components take them: --name=value, --name value, --switch,
 * --switch=false; of one letter also -v=2, -v 2, -v2. A program describes its flags in one table;
 * parsing, range checks and --help come from it. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/error.h"
#include "base/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
	OPTION_SWITCH,   /* bool: --x, --x=true, --x=false */
	OPTION_STRING,   /* const char *: points into argv */
	OPTION_NUMBER,   /* uint64_t within min..max */
	OPTION_DURATION, /* uint64_t nanoseconds within min..max; "15s" */
	OPTION_CHOICE,   /* int: index of the word in `choices`, "a|b|c" */
	OPTION_LIST,     /* struct string_list: "a,b"; each further use adds to it */
	OPTION_HEADING,  /* a title in --help; takes nothing */
	/* Taken without effect, for who comes with the arguments of another program: a line in the
	 * log says so, and `help` says why ("it is ignored: <help>"). Not in --help. The second is
	 * a switch. */
	OPTION_IGNORED,
	OPTION_IGNORED_SWITCH,
};

struct option_spec {
	const char *name; /* without the dashes */
	enum option_type type;
	union {
		bool *on;
		const char **string;
		uint64_t *number;
		int *choice;
		struct string_list *list; /* the caller frees it */
	} target;                         /* holds the default when parsing starts */
	const char *argument;             /* what --help calls the value; NULL for switches */
	const char *help;                 /* one or more sentences; '\n' starts a new line */
	const char *choices;              /* OPTION_CHOICE */
	uint64_t min, max;                /* OPTION_NUMBER, OPTION_DURATION; both 0 = no bounds */
};

/* Parses argv[1..]. Every argument must be a flag of the table. 0, or -EINVAL with a message that
 * names the flag, the value, and what would be right; a close name is suggested for an unknown
 * flag. The targets of flags that were parsed before the bad one have been written. */
int options_parse(const struct option_spec *specs, size_t count, int argc, char *const *argv,
	struct error *err);

/* Writes "  --name ARGUMENT" and the help of each flag, with its default, 100 columns wide. */
void options_print(const struct option_spec *specs, size_t count, FILE *out);

#endif
