/* Where kube-apiserver is and who we are to it: from the pod's own service account, or from a
 * kubeconfig file. */
#ifndef KUBE_KUBE_CONFIG_H
#define KUBE_KUBE_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define KUBE_CONFIG_MAX_BYTES (1U << 20)

struct kube_exec;

/* Strings are owned; NULL = not given. Of a pair file / pem at most one is given. */
struct kube_config {
	char *server;      /* "https://host:port", or with a path; no slash at the end */
	char *server_name; /* verified in its certificate; NULL: the host of `server` */
	char *ca_file, *ca_pem;
	bool insecure; /* insecure-skip-tls-verify */
	char *cert_file, *cert_pem, *key_file, *key_pem;
	char *token, *token_file; /* the file is read again each minute, and after a 401 */
	struct kube_exec *exec;   /* run for what there is no token for */
};

/* KUBERNETES_SERVICE_HOST (an IPv6 address is put into brackets) and _PORT, and the mounted token
 * and ca.crt below /var/run/secrets/kubernetes.io/serviceaccount. 0; -ENOENT when this is no pod
 * (the message says what is missing). */
int kube_config_in_cluster(struct kube_config *ret_config, struct error *err);

/* The same with token and ca.crt below another folder. */
int kube_config_in_folder(const char *folder, struct kube_config *ret_config, struct error *err);

/* The current context of a kubeconfig file (YAML or JSON; clusters, users, contexts; files named
 * in it are relative to its folder; base64 data). 0 or -errno; the message names the file and what
 * is wrong in it. What we can't do and must not pass over (auth-provider, user name and password,
 * impersonation, a proxy, plain http) is -ENOTSUP and named, and so is exec: a server runs no
 * programs. Blocks on the disk. */
int kube_config_load(const char *file, struct kube_config *ret_config, struct error *err);

/* The same for a person: of several files, of which each name is taken from the first that has it
 * and missing ones are passed over, of a context by its name (NULL: the first current-context), and
 * with exec. */
int kube_config_load_context(const char *const *files, size_t count, const char *context,
	struct kube_config *ret_config, struct error *err);

/* Wipes what is secret. */
void kube_config_free(struct kube_config *config);

#endif
