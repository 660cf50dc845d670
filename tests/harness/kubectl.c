#include "tests/harness/kubectl.h"

#include "tests/harness/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS 32

/* Cuts `text` into words, in place. */
static size_t split(char *text, const char **words, size_t max)
{
	size_t count = 0;

	for (;;) {
		char end = ' ';

		text += strspn(text, " ");
		if (*text == '\'')
			end = *text++;
		if (!*text)
			return count;
		assert_true(count < max);
		words[count++] = text;
		text = strchr(text, end);
		if (!text)
			return count;
		*text++ = '\0';
	}
}

struct kubectl_result kubectl_run(
	struct scratch *scratch, const char *kubeconfig, const char *arguments)
{
	const char *argv[MAX_WORDS + 6] = {"kubectl", "--kubeconfig", kubeconfig, "--cache-dir",
		scratch_path(scratch, "kubectl-cache")};
	const char *output = scratch_path(scratch, "kubectl.out");
	const char *errors = scratch_path(scratch, "kubectl.err");
	char home[512], *words = strdup(arguments);
	const char *environment[] = {home, NULL};
	struct kubectl_result result;
	struct process *process;

	assert_non_null(words);
	(void)snprintf(home, sizeof(home), "HOME=%s", scratch_path(scratch, ""));
	(void)split(words, argv + 5, MAX_WORDS);
	process = process_start(&(struct process_options){
		.argv = argv, .output = output, .errors = errors, .environment = environment});
	(void)process_wait(process, 30000);
	result.status = process_end(process);
	result.output = scratch_read(output);
	result.errors = scratch_read(errors);
	free(words);
	return result;
}

void kubectl_result_free(struct kubectl_result *result)
{
	free(result->output);
	free(result->errors);
	result->output = result->errors = NULL;
}
