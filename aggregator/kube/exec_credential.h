/* Runs a kubeconfig's credential plugin and takes what it prints: an ExecCredential
 * (client.authentication.k8s.io/v1, v1beta1). */
#ifndef KUBE_EXEC_CREDENTIAL_H
#define KUBE_EXEC_CREDENTIAL_H

#include "aggregator/kube/exec_run.h"
#include "aggregator/kube/kube_config.h"
#include "base/error.h"

#include <stdint.h>

#define EXEC_CREDENTIAL_LIMIT_MS 30000 /* for one that nobody waits for */

struct exec_credential {
	char *token;        /* NULL: none, and a pair; it may give both */
	char *cert, *key;   /* PEM; NULL: none */
	int64_t expires_ms; /* since 1970; INT64_MAX: when it is refused */
};

/* Runs config->exec and blocks until it ended. Alone it has EXEC_CREDENTIAL_LIMIT_MS. As in
 * client-go its interactiveMode is about standard input only: Never does not get it, and Always is
 * not run without (-EACCES). 0 or -errno and a message that names the program. Free it after 0. */
int exec_credential_get(const struct kube_config *config, enum exec_attendance attendance,
	struct exec_credential *ret_credential, struct error *err);

/* Wipes what is secret. A zeroed one is fine. */
void exec_credential_free(struct exec_credential *credential);

#endif
