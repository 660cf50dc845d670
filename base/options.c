#include "base/options.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define HELP_COLUMN 8
#define HELP_WIDTH  100

/* Levenshtein's distance of two short words: how far an unknown flag is from a known one. */
static size_t distance(const char *a, size_t a_length, const char *b)
{
	size_t row[64], b_length = strlen(b);

	if (a_length >= 64 || b_length >= 64)
		return 64;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < step ? change : step;
		}
	}
	return row[b_length];
}

static int unknown_flag(const struct option_spec *specs, size_t count, const char *name,
	size_t length, struct error *err)
{
	const char *closest = NULL;
	/* farther than three edits, or all letters, is another word */
	size_t best = length < 4 ? length : 4;

	for (size_t i = 0; i < count; i++) {
		size_t d;

		if (specs[i].type == OPTION_HEADING)
			continue;
		d = distance(name, length, specs[i].name);
		if (d < best) {
			best = d;
			closest = specs[i].name;
		}
	}
	if (closest)
		return error_set(err, EINVAL, "unknown flag --%.*s: did you mean --%s?",
			(int)length, name, closest);
	return error_set(
		err, EINVAL, "unknown flag --%.*s: --help lists the flags", (int)length, name);
}

/* 123456 ms as "2m3.456s" is more than we need: whole units only. */
static void format_duration(uint64_t ns, char *out, size_t size)
{
	if (ns % NS_PER_SECOND == 0)
		(void)snprintf(out, size, "%llus", (unsigned long long)(ns / NS_PER_SECOND));
	else
		(void)snprintf(out, size, "%llums", (unsigned long long)(ns / NS_PER_MS));
}

static void format_number(enum option_type type, uint64_t value, char *out, size_t size)
{
	if (type == OPTION_DURATION)
		format_duration(value, out, size);
	else
		(void)snprintf(out, size, "%llu", (unsigned long long)value);
}

static int parse_number(const struct option_spec *spec, const char *value, struct error *err)
{
	char min[32], max[32];
	uint64_t number;
	int r;

	if (spec->type == OPTION_DURATION)
		r = number_parse_duration(value, &number);
	else
		r = number_parse(value, strlen(value), &number);
	if (r == -EINVAL)
		return error_set(err, EINVAL, "--%s: \"%s\" is not a %s", spec->name, value,
			spec->type == OPTION_DURATION ? "duration (like 15s, 500ms or 1m)"
						      : "whole number");
	if (r < 0 || ((spec->min || spec->max) && (number < spec->min || number > spec->max))) {
		format_number(spec->type, spec->min, min, sizeof(min));
		format_number(spec->type, spec->max ? spec->max : UINT64_MAX, max, sizeof(max));
		return error_set(err, EINVAL, "--%s: %s is not within %s and %s", spec->name, value,
			min, max);
	}
	*spec->target.number = number;
	return 0;
}

static int parse_choice(const struct option_spec *spec, const char *value, struct error *err)
{
	size_t length = strlen(value);
	const char *word = spec->choices;

	for (int index = 0; word; index++) {
		size_t word_length = strcspn(word, "|");

		if (word_length == length && strncmp(word, value, length) == 0) {
			*spec->target.choice = index;
			return 0;
		}
		word = word[word_length] ? word + word_length + 1 : NULL;
	}
	return error_set(
		err, EINVAL, "--%s: \"%s\" is not one of %s", spec->name, value, spec->choices);
}

static int parse_switch(const struct option_spec *spec, const char *value, struct error *err)
{
	if (!value || strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*spec->target.on = true;
	else if (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*spec->target.on = false;
	else
		return error_set(
			err, EINVAL, "--%s: \"%s\" is neither true nor false", spec->name, value);
	return 0;
}

static int parse_value(const struct option_spec *spec, const char *value, struct error *err)
{
	switch (spec->type) {
	case OPTION_SWITCH:
		return parse_switch(spec, value, err);
	case OPTION_STRING:
		*spec->target.string = value;
		return 0;
	case OPTION_NUMBER:
	case OPTION_DURATION:
		return parse_number(spec, value, err);
	case OPTION_CHOICE:
		return parse_choice(spec, value, err);
	case OPTION_LIST:
		return string_list_add_parts(spec->target.list, value) < 0
			       ? error_errno(err, ENOMEM, "--%s", spec->name)
			       : 0;
	case OPTION_IGNORED:
	case OPTION_IGNORED_SWITCH:
		log_warn("--%s is ignored: %s", spec->name, spec->help);
		return 0;
	case OPTION_HEADING:
		break;
	}
	return error_set(err, EINVAL, "--%s takes no value", spec->name);
}

static const struct option_spec *find(
	const struct option_spec *specs, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (specs[i].type != OPTION_HEADING && strlen(specs[i].name) == length &&
			strncmp(specs[i].name, name, length) == 0)
			return &specs[i];
	return NULL;
}

/* Where the name stands in an argument, and its length; NULL when it is no flag. */
static const char *flag_name(const char *argument, size_t *ret_length)
{
	if (argument[0] == '-' && isalpha((unsigned char)argument[1]) &&
		(!argument[2] || argument[2] == '=' || isdigit((unsigned char)argument[2]))) {
		*ret_length = 1;
		return argument + 1;
	}
	if (strncmp(argument, "--", 2) != 0 || !argument[2])
		return NULL;
	*ret_length = strcspn(argument + 2, "=");
	return argument + 2;
}

int options_parse(const struct option_spec *specs, size_t count, int argc, char *const *argv,
	struct error *err)
{
	for (int i = 1; i < argc; i++) {
		const struct option_spec *spec;
		const char *name, *value = NULL;
		size_t length;
		int r;

		name = flag_name(argv[i], &length);
		if (!name)
			return error_set(err, EINVAL,
				"\"%s\" is not a flag: flags start with two dashes, --help lists "
				"them",
				argv[i]);
		spec = find(specs, count, name, length);
		if (!spec)
			return unknown_flag(specs, count, name, length, err);
		if (name[length])
			value = name + length + (name[length] == '=');
		else if (spec->type != OPTION_SWITCH && spec->type != OPTION_IGNORED_SWITCH) {
			if (i + 1 >= argc)
				return error_set(err, EINVAL, "--%s needs a value: --%s=%s",
					spec->name, spec->name,
					spec->argument ? spec->argument : "VALUE");
			value = argv[++i];
		}
		r = parse_value(spec, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Prints `text` word by word, broken at HELP_WIDTH, each line indented to HELP_COLUMN. */
static void print_wrapped(const char *text, FILE *out)
{
	int column = 0;

	while (*text) {
		int length = (int)strcspn(text, " \n");

		if (column == 0)
			column = fprintf(out, "%*s", HELP_COLUMN, "");
		else if (column + 1 + length > HELP_WIDTH)
			column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
		else
			column += fprintf(out, " ");
		column += fprintf(out, "%.*s", length, text);
		text += length;
		if (*text == '\n') {
			(void)fputc('\n', out);
			column = 0;
		}
		if (*text)
			text++;
	}
	(void)fputc('\n', out);
}

static void print_default(const struct option_spec *spec, FILE *out)
{
	char text[64];
	const char *word;

	switch (spec->type) {
	case OPTION_NUMBER:
	case OPTION_DURATION:
		format_number(spec->type, *spec->target.number, text, sizeof(text));
		(void)fprintf(out, " (default %s)", text);
		break;
	case OPTION_CHOICE:
		word = spec->choices;
		for (int i = 0; i < *spec->target.choice && strchr(word, '|'); i++)
			word = strchr(word, '|') + 1;
		(void)fprintf(out, " (default %.*s)", (int)strcspn(word, "|"), word);
		break;
	case OPTION_STRING:
		if (*spec->target.string && **spec->target.string)
			(void)fprintf(out, " (default %s)", *spec->target.string);
		break;
	case OPTION_LIST:
		for (size_t i = 0; i < spec->target.list->count; i++)
			(void)fprintf(out, "%s%s", i == 0 ? " (default " : ",",
				spec->target.list->item[i]);
		if (spec->target.list->count > 0)
			(void)fputc(')', out);
		break;
	case OPTION_SWITCH:
	case OPTION_HEADING:
	case OPTION_IGNORED:
	case OPTION_IGNORED_SWITCH:
		break;
	}
}

void options_print(const struct option_spec *specs, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct option_spec *spec = &specs[i];

		if (spec->type == OPTION_HEADING) {
			(void)fprintf(out, "\n%s:\n", spec->help);
			continue;
		}
		if (spec->type == OPTION_IGNORED || spec->type == OPTION_IGNORED_SWITCH)
			continue;
		(void)fprintf(out, "  %s%s", spec->name[1] ? "--" : "-", spec->name);
		if (spec->type == OPTION_CHOICE)
			(void)fprintf(out, " %s", spec->choices);
		else if (spec->argument)
			(void)fprintf(out, " %s", spec->argument);
		print_default(spec, out);
		(void)fputc('\n', out);
		print_wrapped(spec->help, out);
	}
}
