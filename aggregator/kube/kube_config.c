#include "aggregator/kube/kube_config.h"

#include "aggregator/kube/kube_exec.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void kube_config_free(struct kube_config *config)
{
	free(config->server);
	free(config->server_name);
	free(config->ca_file);
	free(config->ca_pem);
	free(config->cert_file);
	free(config->cert_pem);
	free(config->key_file);
	wipe(config->key_pem);
	wipe(config->token);
	free(config->token_file);
	kube_exec_free(config->exec);
	*config = (struct kube_config){0};
}

static bool is_port(const char *text)
{
	uint64_t port;

	return number_parse(text, strlen(text), &port) == 0 && port > 0 && port <= 65535;
}

/* An address or a DNS name: nothing that would change the meaning of the url. */
static bool is_host(const char *text)
{
	struct in6_addr ip6;
	size_t length = strlen(text);

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, &ip6) == 1;
	return length > 0 && length <= 253 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
		       length;
}

static int server_of_environment(char **ret_server, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool ip6 = host && strchr(host, ':');

	if (!host || !*host || !port || !*port)
		return error_set(err, ENOENT,
			"this is no pod: KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set");
	if (!is_host(host))
		return error_set(
			err, EINVAL, "KUBERNETES_SERVICE_HOST is \"%s\": not a host", host);
	if (!is_port(port))
		return error_set(
			err, EINVAL, "KUBERNETES_SERVICE_PORT is \"%s\": not a port", port);
	if (asprintf(ret_server, ip6 ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0) {
		*ret_server = NULL;
		return error_errno(err, ENOMEM, "reading the environment");
	}
	return 0;
}

static int file_in(const char *folder, const char *name, char **ret_path, struct error *err)
{
	if (asprintf(ret_path, "%s/%s", folder, name) < 0) {
		*ret_path = NULL;
		return error_errno(err, ENOMEM, "looking for %s/%s", folder, name);
	}
	if (access(*ret_path, R_OK) < 0)
		return error_errno(err, errno, "reading %s", *ret_path);
	return 0;
}

int kube_config_in_folder(const char *folder, struct kube_config *ret_config, struct error *err)
{
	struct kube_config config = {0};
	int r = server_of_environment(&config.server, err);

	if (r == 0)
		r = file_in(folder, "token", &config.token_file, err);
	if (r == 0)
		r = file_in(folder, "ca.crt", &config.ca_file, err);
	if (r < 0) {
		kube_config_free(&config);
		return r;
	}
	*ret_config = config;
	return 0;
}

int kube_config_in_cluster(struct kube_config *ret_config, struct error *err)
{
	return kube_config_in_folder(SERVICE_ACCOUNT, ret_config, err);
}
