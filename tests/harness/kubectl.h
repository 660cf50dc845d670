/* The real kubectl, run to its end. */
#ifndef TESTS_HARNESS_KUBECTL_H
#define TESTS_HARNESS_KUBECTL_H

#include "tests/harness/scratch.h"

struct kubectl_result {
	int status;   /* exit status */
	char *output; /* standard output, terminated */
	char *errors; /* standard error, terminated */
};

/* Runs kubectl with the kubeconfig and `arguments`, words parted by blanks ("top pod -A"; a word
 * that holds blanks itself is written in single quotes), for at most 30 s. Its cache goes to the
 * scratch. */
struct kubectl_result kubectl_run(
	struct scratch *scratch, const char *kubeconfig, const char *arguments);
void kubectl_result_free(struct kubectl_result *result);

#endif
