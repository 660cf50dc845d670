/* Command-line flags as Kubernetes components take them: --name=value, --name value, --switch,
 * --switch=false. A program describes its flags in one table; parsing, range checks and --help
 * come from it. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/error.h"

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
	OPTION_HEADING,  /* a title in --help; takes nothing */
};

struct option_spec {
	const char *name; /* without the dashes */
	enum option_type type;
	union {
		bool *on;
		const char **string;
		uint64_t *number;
		int *choice;
	} target;             /* holds the default when parsing starts */
	const char *argument; /* what --help calls the value; NULL for switches */
	const char *help;     /* one or more sentences; '\n' starts a new line */
	const char *choices;  /* OPTION_CHOICE */
	uint64_t min, max;    /* OPTION_NUMBER, OPTION_DURATION; both 0 = no bounds */
};

/* Parses argv[1..]. Every argument must be a flag of the table. 0, or -EINVAL with a message that
 * names the flag, the value, and what would be right; a close name is suggested for an unknown
 * flag. The targets of flags that were parsed before the bad one have been written. */
int options_parse(const struct option_spec *specs, size_t count, int argc, char *const *argv,
	struct error *err);

/* Writes "  --name ARGUMENT" and the help of each flag, with its default, 100 columns wide. */
void options_print(const struct option_spec *specs, size_t count, FILE *out);

#endif
