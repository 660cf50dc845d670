/* Runs a kubeconfig's credential plugin and takes what it prints: an ExecCredential
 * (client.authentication.k8s.io/v1, v1beta1). */
#ifndef KUBE_EXEC_CREDENTIAL_H
#define KUBE_EXEC_CREDENTIAL_H

#include "aggregator/kube/kube_config.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define EXEC_CREDENTIAL_LIMIT_MS 30000 /* for one that can't ask anybody */

struct exec_credential {
	char *token;        /* NULL: none, and a pair; it may give both */
	char *cert, *key;   /* PEM; NULL: none */
	int64_t expires_ms; /* since 1970; INT64_MAX: when it is refused */
};

/* Runs config->exec and blocks until it ended. `attended`: it may ask whoever sits at standard
 * input, for as long as that takes; else it has EXEC_CREDENTIAL_LIMIT_MS, and one of
 * interactiveMode Always is not run (-EACCES). 0 or -errno and a message that names the program.
 * Free it after 0. */
int exec_credential_get(const struct kube_config *config, bool attended,
	struct exec_credential *ret_credential, struct error *err);

/* Wipes what is secret. A zeroed one is fine. */
void exec_credential_free(struct exec_credential *credential);

#endif
