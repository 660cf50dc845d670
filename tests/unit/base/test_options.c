/* base/options: every type of flag in every spelling, each error's words, and --help. */
#include "base/options.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct values {
	bool on, off;
	const char *text;
	uint64_t number, free_number, duration;
	int choice;
};

#define SPECS 8

static struct values fill(struct option_spec specs[SPECS], struct values *values)
{
	const struct option_spec all[SPECS] = {
		{.type = OPTION_HEADING, .help = "Things"},
		{.name = "on", .type = OPTION_SWITCH, .target.on = &values->on, .help = "On."},
		{.name = "off", .type = OPTION_SWITCH, .target.on = &values->off, .help = "Off."},
		{.name = "text",
			.type = OPTION_STRING,
			.target.string = &values->text,
			.argument = "TEXT",
			.help = "A text."},
		{.name = "number",
			.type = OPTION_NUMBER,
			.target.number = &values->number,
			.argument = "N",
			.help = "A number.",
			.min = 2,
			.max = 9},
		{.name = "free-number",
			.type = OPTION_NUMBER,
			.target.number = &values->free_number,
			.help = "Any number."},
		{.name = "window",
			.type = OPTION_DURATION,
			.target.number = &values->duration,
			.argument = "TIME",
			.help = "A span.",
			.min = NS_PER_SECOND,
			.max = 60 * NS_PER_SECOND},
		{.name = "choice",
			.type = OPTION_CHOICE,
			.target.choice = &values->choice,
			.choices = "one|two|three",
			.help = "A choice."},
	};

	*values = (struct values){.off = true,
		.text = "default",
		.number = 5,
		.free_number = 5,
		.duration = 15 * NS_PER_SECOND,
		.choice = 1};
	memcpy(specs, all, sizeof(all));
	return *values;
}

/* Parses up to two arguments. */
static int parse(struct values *values, const char *first, const char *second, struct error *err)
{
	struct option_spec specs[SPECS];
	char program[] = "program";
	char *argv[] = {program, first ? strdup(first) : NULL, second ? strdup(second) : NULL};
	int r, argc = 1 + (first != NULL) + (second != NULL);
	static char text[256];

	(void)fill(specs, values);
	memset(err, 0, sizeof(*err));
	r = options_parse(specs, SPECS, argc, argv, err);
	(void)strncpy(text, values->text, sizeof(text) - 1); /* it points into argv */
	values->text = text;
	free(argv[1]);
	free(argv[2]);
	return r;
}

static void parses_every_spelling(void **state)
{
	static const struct {
		const char *first, *second;
		struct values expected;
	} CASES[] = {
		{NULL, NULL, {false, true, "default", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--on", "--off=false", {true, false, "default", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--on=true", "--off=0", {true, false, "default", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--on=1", "--on=FALSE", {false, true, "default", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--text=a=b", NULL, {false, true, "a=b", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--text", "--on", {false, true, "--on", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--text=", NULL, {false, true, "", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--text", "", {false, true, "", 5, 5, 15 * NS_PER_SECOND, 1}},
		{"--number=2", NULL, {false, true, "default", 2, 5, 15 * NS_PER_SECOND, 1}},
		{"--number", "9", {false, true, "default", 9, 5, 15 * NS_PER_SECOND, 1}},
		{"--free-number=18446744073709551615", NULL,
			{false, true, "default", 5, UINT64_MAX, 15 * NS_PER_SECOND, 1}},
		{"--window=1s", NULL, {false, true, "default", 5, 5, NS_PER_SECOND, 1}},
		{"--window", "1m", {false, true, "default", 5, 5, 60 * NS_PER_SECOND, 1}},
		{"--choice=one", NULL, {false, true, "default", 5, 5, 15 * NS_PER_SECOND, 0}},
		{"--choice", "three", {false, true, "default", 5, 5, 15 * NS_PER_SECOND, 2}},
		{"--choice=one", "--choice=two",
			{false, true, "default", 5, 5, 15 * NS_PER_SECOND, 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct values *expected = &CASES[i].expected;
		struct values values;
		struct error err;

		assert_int_equal(parse(&values, CASES[i].first, CASES[i].second, &err), 0);
		assert_int_equal(values.on, expected->on);
		assert_int_equal(values.off, expected->off);
		assert_string_equal(values.text, expected->text);
		assert_int_equal(values.number, expected->number);
		assert_int_equal(values.free_number, expected->free_number);
		assert_int_equal(values.duration, expected->duration);
		assert_int_equal(values.choice, expected->choice);
	}
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *first, *second, *message;
	} CASES[] = {
		{"on", NULL,
			"\"on\" is not a flag: flags start with two dashes, --help lists them"},
		{"-on", NULL,
			"\"-on\" is not a flag: flags start with two dashes, --help lists them"},
		{"--", NULL,
			"\"--\" is not a flag: flags start with two dashes, --help lists them"},
		{"", NULL, "\"\" is not a flag: flags start with two dashes, --help lists them"},
		{"--numbr=3", NULL, "unknown flag --numbr: did you mean --number?"},
		{"--windows", "3s", "unknown flag --windows: did you mean --window?"},
		{"--completely-else", NULL,
			"unknown flag --completely-else: --help lists the flags"},
		{"--=x", NULL, "unknown flag --: --help lists the flags"},
		{"--text", NULL, "--text needs a value: --text=TEXT"},
		{"--free-number", NULL, "--free-number needs a value: --free-number=VALUE"},
		{"--on=maybe", NULL, "--on: \"maybe\" is neither true nor false"},
		{"--on=", NULL, "--on: \"\" is neither true nor false"},
		{"--on", "false",
			"\"false\" is not a flag: flags start with two dashes, --help lists them"},
		{"--number=x", NULL, "--number: \"x\" is not a whole number"},
		{"--number=-1", NULL, "--number: \"-1\" is not a whole number"},
		{"--number=", NULL, "--number: \"\" is not a whole number"},
		{"--number=1", NULL, "--number: 1 is not within 2 and 9"},
		{"--number=10", NULL, "--number: 10 is not within 2 and 9"},
		{"--number=18446744073709551616", NULL,
			"--number: 18446744073709551616 is not within 2 and 9"},
		{"--free-number=18446744073709551616", NULL,
			"--free-number: 18446744073709551616 is not within 0 and "
			"18446744073709551615"},
		{"--window=15", NULL, "--window: \"15\" is not a duration (like 15s, 500ms or 1m)"},
		{"--window=999ms", NULL, "--window: 999ms is not within 1s and 60s"},
		{"--window=61s", NULL, "--window: 61s is not within 1s and 60s"},
		{"--choice=four", NULL, "--choice: \"four\" is not one of one|two|three"},
		{"--choice=on", NULL, "--choice: \"on\" is not one of one|two|three"},
		{"--choice=one|two", NULL, "--choice: \"one|two\" is not one of one|two|three"},
		{"--choice=", NULL, "--choice: \"\" is not one of one|two|three"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct values values, defaults;
		struct option_spec specs[SPECS];
		struct error err;

		assert_int_equal(parse(&values, CASES[i].first, CASES[i].second, &err), -EINVAL);
		assert_string_equal(err.message, CASES[i].message);
		defaults = fill(specs, &defaults);
		assert_int_equal(values.number, defaults.number);
		assert_int_equal(values.duration, defaults.duration);
		assert_int_equal(values.choice, defaults.choice);
	}
}

static void bears_a_very_long_flag(void **state)
{
	struct values values;
	struct error err;
	char flag[2000];

	(void)state;
	memset(flag, '-', sizeof(flag) - 1);
	flag[sizeof(flag) - 1] = '\0';
	assert_int_equal(parse(&values, flag, NULL, &err), -EINVAL);
	assert_memory_equal(err.message, "unknown flag ", 13);
}

static void prints_help(void **state)
{
	static const char EXPECTED[] =
		"\nThings:\n"
		"  --on\n        On.\n"
		"  --off\n        Off.\n"
		"  --text TEXT (default default)\n        A text.\n"
		"  --number N (default 5)\n        A number.\n"
		"  --free-number (default 5)\n        Any number.\n"
		"  --window TIME (default 15s)\n        A span.\n"
		"  --choice one|two|three (default two)\n        A choice.\n";
	struct option_spec specs[SPECS];
	struct values values;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	(void)fill(specs, &values);
	options_print(specs, SPECS, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, EXPECTED);
	free(text);
}

static void wraps_help(void **state)
{
	static const char HELP[] =
		"Words words words words words words words words words words words words words "
		"words words words words words words words words words words words words words "
		"words words words.\nA line of its own.";
	struct option_spec spec = {.name = "x", .type = OPTION_SWITCH, .help = HELP};
	char *text = NULL, *line, *more;
	size_t size = 0, lines = 0;
	FILE *out = open_memstream(&text, &size);
	bool on = false;

	(void)state;
	assert_non_null(out);
	spec.target.on = &on;
	options_print(&spec, 1, out);
	assert_int_equal(fclose(out), 0);
	for (line = strtok_r(text, "\n", &more); line; line = strtok_r(NULL, "\n", &more)) {
		assert_true(strlen(line) <= 100);
		if (lines++ > 0) {
			assert_int_equal(strspn(line, " "), 8);
			assert_int_not_equal(line[strlen(line) - 1], ' ');
		}
	}
	assert_int_equal(lines, 4);
	free(text);
}

static void takes_lists_letters_and_what_it_ignores(void **state)
{
	struct string_list list = {0};
	uint64_t level = 0;
	const struct option_spec specs[] = {
		{"list", OPTION_LIST, {.list = &list}, "A,B", "A list."},
		{"v", OPTION_NUMBER, {.number = &level}, "N", "A letter."},
		{"old", OPTION_IGNORED, .help = "nobody needs it"},
		{"old-switch", OPTION_IGNORED_SWITCH, .help = "nobody turns it"},
	};
	static const struct {
		const char *argument[4];
		const char *list; /* as it is then */
		uint64_t level;
		unsigned ignored;
	} CASES[] = {
		{{"--list=a,b", "--list", " c ,,d"}, "a|b|c|d|", 0, 0},
		{{"--list="}, "", 0, 0},
		{{"-v=2"}, "", 2, 0},
		{{"-v", "3"}, "", 3, 0},
		{{"-v4"}, "", 4, 0},
		{{"--v=5", "--old=x", "--old", "y"}, "", 5, 2},
		{{"--old-switch", "--old-switch=true", "-v6"}, "", 6, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_capture *capture = log_capture_start();
		char program[] = "program", text[64] = "";
		char *argv[6] = {program};
		unsigned ignored;
		struct error err;
		int argc = 1, r;

		for (; argc <= 4 && CASES[i].argument[argc - 1]; argc++)
			argv[argc] = strdup(CASES[i].argument[argc - 1]);
		level = 0;
		r = options_parse(specs, 4, argc, argv, &err);
		ignored = log_capture_count(capture, " is ignored: nobody ");
		log_capture_stop(capture);
		for (size_t j = 0; j < list.count; j++) {
			(void)strcat(text, list.item[j]);
			(void)strcat(text, "|");
		}
		assert_int_equal(r, 0);
		assert_string_equal(text, CASES[i].list);
		assert_int_equal(level, CASES[i].level);
		assert_int_equal(ignored, CASES[i].ignored);
		string_list_free(&list);
		while (argc > 1)
			free(argv[--argc]);
	}
}

static void hides_what_it_ignores(void **state)
{
	struct string_list list = {0};
	const struct option_spec specs[] = {
		{"list", OPTION_LIST, {.list = &list}, "A,B", "A list."},
		{"old", OPTION_IGNORED, .help = "nobody needs it"},
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(string_list_add_parts(&list, "x,y"), 0);
	assert_true(string_list_has(&list, "y"));
	assert_false(string_list_has(&list, "x,y"));
	options_print(specs, 2, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "  --list A,B (default x,y)\n        A list.\n");
	free(text);
	string_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_spelling),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(bears_a_very_long_flag),
		cmocka_unit_test(prints_help),
		cmocka_unit_test(wraps_help),
		cmocka_unit_test(takes_lists_letters_and_what_it_ignores),
		cmocka_unit_test(hides_what_it_ignores),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
