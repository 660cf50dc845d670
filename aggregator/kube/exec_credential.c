#include "aggregator/kube/exec_credential.h"

#include "aggregator/kube/base64.h"
#include "aggregator/kube/exec_run.h"
#include "aggregator/kube/kube_exec.h"
#include "base/buffer.h"
#include "base/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INFO "KUBERNETES_EXEC_INFO="

/* --- what it is told -------------------------------------------------------------------------- */

/* The certificates in base64, as a kubeconfig has them; NULL when there are none. */
static char *ca_in_base64(const struct kube_config *config)
{
	struct buffer file = {0};
	const char *pem = config->ca_pem;
	size_t length = pem ? strlen(pem) : 0;
	char *text;

	if (!pem && config->ca_file &&
		file_read(config->ca_file, KUBE_CONFIG_MAX_BYTES, &file, NULL) == 0) {
		pem = file.data;
		length = file.length;
	}
	text = length > 0 ? base64_encode(pem, length) : NULL;
	buffer_free(&file);
	return text;
}

static void put(json_t *object, const char *key, const char *text)
{
	if (text)
		(void)json_object_set_new(object, key, json_string(text));
}

static json_t *cluster_info(const struct kube_config *config)
{
	json_t *cluster = json_object();
	char *ca = ca_in_base64(config);

	put(cluster, "server", config->server);
	put(cluster, "tls-server-name", config->server_name);
	put(cluster, "certificate-authority-data", ca);
	if (config->insecure)
		(void)json_object_set_new(cluster, "insecure-skip-tls-verify", json_true());
	free(ca);
	return cluster;
}

/* "KUBERNETES_EXEC_INFO={…}"; NULL: memory is short. */
static char *info_variable(const struct kube_config *config, bool interactive)
{
	json_t *spec = json_pack("{s:b}", "interactive", interactive), *info;
	char *json, *variable = NULL;

	if (config->exec->wants_cluster)
		(void)json_object_set_new(spec, "cluster", cluster_info(config));
	info = json_pack("{s:s, s:s, s:o}", "kind", "ExecCredential", "apiVersion",
		config->exec->api_version, "spec", spec);
	json = info ? json_dumps(info, JSON_COMPACT) : NULL;
	json_decref(info);
	if (json && asprintf(&variable, INFO "%s", json) < 0)
		variable = NULL;
	free(json);
	return variable;
}

static bool same_name(const char *one, const char *other)
{
	size_t length = strcspn(one, "=");

	return strncmp(one, other, length + 1) == 0;
}

static bool is_replaced(const char *variable, const struct string_list *by, const char *info)
{
	for (size_t i = 0; i < by->count; i++)
		if (same_name(by->item[i], variable))
			return true;
	return same_name(info, variable);
}

/* Our environment with what the kubeconfig adds; the texts are not copied. */
static char **environment(const struct string_list *added, char *info)
{
	size_t count = 0, n = 0;
	char **list;

	while (environ[count])
		count++;
	list = calloc(count + added->count + 2, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_replaced(environ[i], added, info))
			list[n++] = environ[i];
	for (size_t i = 0; i < added->count; i++)
		list[n++] = added->item[i];
	list[n] = info;
	return list;
}

static char **arguments_of(const struct kube_exec *exec)
{
	char **list = calloc(exec->arguments.count + 1, sizeof(*list));

	for (size_t i = 0; list && i < exec->arguments.count; i++)
		list[i] = exec->arguments.item[i];
	return list;
}

/* --- what it says ----------------------------------------------------------------------------- */

/* RFC 3339. 0 or -EINVAL. */
static int parse_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long offset_s;

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	rest = rest ? strptime(rest, "%z", &tm) : NULL;
	if (!rest || *rest)
		return -EINVAL;
	offset_s = tm.tm_gmtoff;
	*ret_ms = ((int64_t)timegm(&tm) - offset_s) * 1000;
	return 0;
}

static int copy_text(const json_t *status, const char *key, char **ret_text)
{
	const char *text = json_string_value(json_object_get(status, key));

	if (!text || !*text)
		return 0;
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static int take_status(const json_t *status, struct exec_credential *credential, struct error *err)
{
	const char *expires = json_string_value(json_object_get(status, "expirationTimestamp"));

	if (copy_text(status, "token", &credential->token) < 0 ||
		copy_text(status, "clientCertificateData", &credential->cert) < 0 ||
		copy_text(status, "clientKeyData", &credential->key) < 0)
		return error_errno(err, ENOMEM, "keeping it");
	if (!credential->cert != !credential->key)
		return error_set(err, EINVAL,
			"clientCertificateData and clientKeyData belong together: one is missing");
	if (!credential->token && !credential->cert)
		return error_set(err, EINVAL, "there is neither a token nor a certificate in it");
	credential->expires_ms = INT64_MAX;
	if (expires && parse_time(expires, &credential->expires_ms) < 0)
		return error_set(
			err, EINVAL, "its expirationTimestamp \"%.64s\" is no time", expires);
	return 0;
}

static int parse(const char *text, size_t length, const char *api_version,
	struct exec_credential *credential, struct error *err)
{
	json_error_t json;
	json_t *root = json_loadb(text, length, 0, &json);
	const char *kind = json_string_value(json_object_get(root, "kind")),
		   *version = json_string_value(json_object_get(root, "apiVersion"));
	int r;

	if (!kind || !version || strcmp(kind, "ExecCredential") != 0)
		r = error_set(err, EINVAL, "it is no ExecCredential");
	else if (strcmp(version, api_version) != 0)
		r = error_set(err, EINVAL, "it is of %.64s, the kubeconfig says %s", version,
			api_version);
	else
		r = take_status(json_object_get(root, "status"), credential, err);
	json_decref(root);
	return r;
}

int exec_credential_get(const struct kube_config *config, enum exec_attendance attendance,
	struct exec_credential *ret_credential, struct error *err)
{
	const struct kube_exec *exec = config->exec;
	struct exec_run_options run = {.attendance = attendance,
		.limit_ms = EXEC_CREDENTIAL_LIMIT_MS,
		.hint = exec->install_hint};
	const char *name = exec->arguments.item[0];
	struct exec_credential credential = {0};
	struct buffer output = {0};
	char *info;
	int r;

	if (attendance == EXEC_ATTENDED && exec->input == KUBE_EXEC_INPUT_NEVER)
		run.attendance = EXEC_WATCHED;
	if (attendance != EXEC_ATTENDED && exec->input == KUBE_EXEC_INPUT_ALWAYS)
		return error_set(err, EACCES, "%s wants to ask a person, and there is none", name);
	info = info_variable(config, run.attendance == EXEC_ATTENDED);
	run.arguments = arguments_of(exec);
	run.variables = info ? environment(&exec->variables, info) : NULL;
	if (run.arguments && run.variables)
		r = exec_run(&run, &output, err);
	else
		r = error_errno(err, ENOMEM, "running %s", name);
	if (r == 0) {
		r = parse(output.data, output.length, exec->api_version, &credential, err);
		if (r < 0)
			error_context(err, r, "what %s printed", name);
	}
	if (output.data)
		explicit_bzero(output.data, output.capacity);
	buffer_free(&output);
	free(run.arguments);
	free(run.variables);
	free(info);
	if (r < 0)
		exec_credential_free(&credential);
	else
		*ret_credential = credential;
	return r;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void exec_credential_free(struct exec_credential *credential)
{
	wipe(credential->token);
	wipe(credential->cert);
	wipe(credential->key);
	*credential = (struct exec_credential){0};
}
