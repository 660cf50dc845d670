/* How to run the program that a kubeconfig's user names for its credentials (a credential plugin:
 * aws, gke-gcloud-auth-plugin, kubelogin). Words and meaning: client.authentication.k8s.io. */
#ifndef KUBE_KUBE_EXEC_H
#define KUBE_KUBE_EXEC_H

#include "aggregator/kube/yaml_tree.h"
#include "base/error.h"
#include "base/string_list.h"

#include <stdbool.h>

#define KUBE_EXEC_MAX_WORDS 256 /* arguments, and variables */

enum kube_exec_input {
	KUBE_EXEC_INPUT_IF_AVAILABLE, /* a person is asked when there is one */
	KUBE_EXEC_INPUT_NEVER,
	KUBE_EXEC_INPUT_ALWAYS, /* it can't do without */
};

struct kube_exec {
	char *api_version;            /* client.authentication.k8s.io/v1 or v1beta1 */
	struct string_list arguments; /* the program is the first */
	struct string_list variables; /* "NAME=value", over those of the environment */
	char *install_hint;           /* for who does not have the program; NULL = none */
	bool wants_cluster;           /* provideClusterInfo */
	enum kube_exec_input input;
};

/* Reads `exec` of a user. A program that is given as a path is relative to the folder of `file`.
 * 0; -EINVAL, -ENOTSUP (an API of another version) or -ENOMEM and a message. *ret_exec is not NULL
 * only after 0. */
int kube_exec_parse(const struct yaml_node *node, const char *file, struct kube_exec **ret_exec,
	struct error *err);

/* NULL is fine. */
void kube_exec_free(struct kube_exec *exec);

#endif
