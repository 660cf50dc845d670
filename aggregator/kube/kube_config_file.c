/* kube_config_load(): the current context of a kubeconfig file. Its words: k8s.io/client-go,
 * tools/clientcmd/api/v1. */
#include "aggregator/kube/base64.h"
#include "aggregator/kube/kube_config.h"
#include "aggregator/kube/kube_exec.h"
#include "aggregator/kube/yaml_tree.h"
#include "base/buffer.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES 16

struct document {
	const char *file;
	struct yaml_node *root;
};

struct loader {
	const char *file; /* the one that is looked at */
	const char *context;
	struct document document[MAX_FILES];
	size_t documents;
	struct kube_config *config;
	struct error *err;
};

/* What can be said in a user and would make us someone else than is meant if it were passed over.
 */
static const char *const UNSUPPORTED[] = {
	"auth-provider",
	"username",
	"password",
	"as",
	"as-uid",
	"as-groups",
	"as-user-extra",
};

/* "" counts as not given, as in client-go. 0; -EINVAL when it is not a text. */
static int text_of(const struct loader *loader, const struct yaml_node *mapping, const char *key,
	const char **ret_text)
{
	const struct yaml_node *node = yaml_tree_get(mapping, key);

	*ret_text = NULL;
	if (!node)
		return 0;
	if (node->kind != YAML_SCALAR)
		return error_set(
			loader->err, EINVAL, "line %zu: %s is not a text", node->line, key);
	if (*node->text)
		*ret_text = node->text;
	return 0;
}

static int copy_text(const struct loader *loader, const struct yaml_node *mapping, const char *key,
	char **ret_copy)
{
	const char *text;
	int r = text_of(loader, mapping, key, &text);

	if (r < 0 || !text)
		return r;
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : error_errno(loader->err, ENOMEM, "%s", key);
}

/* Relative to the folder of the kubeconfig. */
static int copy_path(const struct loader *loader, const struct yaml_node *mapping, const char *key,
	char **ret_path)
{
	const char *path, *slash = strrchr(loader->file, '/');
	int r = text_of(loader, mapping, key, &path), folder;

	if (r < 0 || !path)
		return r;
	folder = *path == '/' || !slash ? 0 : (int)(slash - loader->file + 1);
	if (asprintf(ret_path, "%.*s%s", folder, loader->file, path) < 0) {
		*ret_path = NULL;
		return error_errno(loader->err, ENOMEM, "%s", key);
	}
	return 0;
}

/* `key`-data in base64 wins over the file that `key` names. */
static int copy_pem(const struct loader *loader, const struct yaml_node *mapping, const char *key,
	char **ret_file, char **ret_pem)
{
	const char *base64;
	char data_key[64];
	int r;

	(void)snprintf(data_key, sizeof(data_key), "%s-data", key);
	r = text_of(loader, mapping, data_key, &base64);
	if (r < 0)
		return r;
	if (!base64)
		return copy_path(loader, mapping, key, ret_file);
	r = base64_decode_text(base64, ret_pem);
	if (r == -EINVAL)
		return error_set(loader->err, EINVAL, "%s is not text in base64", data_key);
	return r < 0 ? error_errno(loader->err, -r, "%s", data_key) : 0;
}

static int take_bool(const struct loader *loader, const struct yaml_node *mapping, const char *key,
	bool *ret_value)
{
	const struct yaml_node *node = yaml_tree_get(mapping, key);

	if (!node)
		return 0;
	if (node->kind == YAML_SCALAR && !node->quoted &&
		(strcasecmp(node->text, "true") == 0 || strcasecmp(node->text, "false") == 0)) {
		*ret_value = strcasecmp(node->text, "true") == 0;
		return 0;
	}
	return error_set(
		loader->err, EINVAL, "line %zu: %s is neither true nor false", node->line, key);
}

/* The `kind` of that name: {name: NAME, KIND: {...}} in the list `list` of one document; -ENOENT
 * when there is none, without a message. */
static int find_in(const struct loader *loader, const struct yaml_node *root, const char *list,
	const char *kind, const char *name, const struct yaml_node **ret_found)
{
	const struct yaml_node *items = yaml_tree_get(root, list);
	const char *candidate;
	int r;

	if (items && items->kind != YAML_SEQUENCE)
		return error_set(
			loader->err, EINVAL, "line %zu: %s is not a list", items->line, list);
	for (const struct yaml_node *item = items ? items->first : NULL; item; item = item->next) {
		r = text_of(loader, item, "name", &candidate);
		if (r < 0)
			return r;
		if (!candidate || strcmp(candidate, name) != 0)
			continue;
		*ret_found = yaml_tree_get(item, kind);
		if (*ret_found && (*ret_found)->kind != YAML_MAPPING)
			return error_set(loader->err, EINVAL,
				"line %zu: %s \"%s\" is not a mapping", item->line, kind, name);
		return 0;
	}
	return -ENOENT;
}

/* The first file that has it is right, as in client-go, and paths in it are relative to that. */
static int find(struct loader *loader, const char *list, const char *kind, const char *name,
	const struct yaml_node **ret_found)
{
	int r;

	for (size_t i = 0; i < loader->documents; i++) {
		loader->file = loader->document[i].file;
		r = find_in(loader, loader->document[i].root, list, kind, name, ret_found);
		if (r != -ENOENT)
			return r;
	}
	return error_set(loader->err, EINVAL, "there is no %s \"%s\" in it", kind, name);
}

/* The context that was asked for, or the first current-context that there is. */
static int context_name(const struct loader *loader, const char **ret_name)
{
	int r = 0;

	*ret_name = loader->context;
	for (size_t i = 0; r == 0 && !*ret_name && i < loader->documents; i++)
		r = text_of(loader, loader->document[i].root, "current-context", ret_name);
	return r;
}

static int take_server(const struct loader *loader, const struct yaml_node *cluster)
{
	struct kube_config *config = loader->config;
	size_t length;
	int r = copy_text(loader, cluster, "server", &config->server);

	if (r < 0)
		return r;
	if (!config->server)
		return error_set(loader->err, EINVAL, "the cluster has no server");
	if (strncasecmp(config->server, "http://", 7) == 0)
		return error_set(loader->err, ENOTSUP,
			"the server %s is plain http, which is not supported", config->server);
	length = strlen(config->server);
	while (length > 0 && config->server[length - 1] == '/')
		config->server[--length] = '\0';
	if (strncasecmp(config->server, "https://", 8) != 0 || length <= 8 ||
		strpbrk(config->server, " \t\r\n?#@\"\\"))
		return error_set(loader->err, EINVAL, "the server \"%s\" is not https://HOST:PORT",
			config->server);
	return 0;
}

static int take_cluster(const struct loader *loader, const struct yaml_node *cluster)
{
	struct kube_config *config = loader->config;
	const char *proxy;
	int r = take_server(loader, cluster);

	if (r == 0)
		r = text_of(loader, cluster, "proxy-url", &proxy);
	if (r == 0 && proxy)
		r = error_set(loader->err, ENOTSUP, "proxy-url is not supported");
	if (r == 0)
		r = copy_text(loader, cluster, "tls-server-name", &config->server_name);
	if (r == 0)
		r = take_bool(loader, cluster, "insecure-skip-tls-verify", &config->insecure);
	if (r == 0)
		r = copy_pem(loader, cluster, "certificate-authority", &config->ca_file,
			&config->ca_pem);
	if (r == 0 && config->insecure && (config->ca_file || config->ca_pem))
		r = error_set(loader->err, EINVAL,
			"insecure-skip-tls-verify and a certificate-authority exclude each other");
	return r;
}

static int take_certificate(const struct loader *loader, const struct yaml_node *user)
{
	struct kube_config *config = loader->config;
	int r = copy_pem(loader, user, "client-certificate", &config->cert_file, &config->cert_pem);

	if (r == 0)
		r = copy_pem(loader, user, "client-key", &config->key_file, &config->key_pem);
	if (r == 0 &&
		!(config->cert_file || config->cert_pem) != !(config->key_file || config->key_pem))
		r = error_set(loader->err, EINVAL,
			"client-certificate and client-key belong together: one is missing");
	return r;
}

static bool is_given(const struct yaml_node *node)
{
	return node && (node->kind != YAML_SCALAR || *node->text);
}

/* A token's file wins over a token, and a token over a program, as client-go has it. */
static int take_user(const struct loader *loader, const struct yaml_node *user)
{
	struct kube_config *config = loader->config;
	int r;

	for (size_t i = 0; i < sizeof(UNSUPPORTED) / sizeof(UNSUPPORTED[0]); i++)
		if (is_given(yaml_tree_get(user, UNSUPPORTED[i])))
			return error_set(loader->err, ENOTSUP,
				"the user's \"%s\" is not supported: use a token, a tokenFile or a "
				"client certificate",
				UNSUPPORTED[i]);
	r = copy_path(loader, user, "tokenFile", &config->token_file);
	if (r == 0 && !config->token_file)
		r = copy_text(loader, user, "token", &config->token);
	if (r == 0)
		r = take_certificate(loader, user);
	if (r == 0 && is_given(yaml_tree_get(user, "exec")) && !config->token &&
		!config->token_file)
		r = kube_exec_parse(
			yaml_tree_get(user, "exec"), loader->file, &config->exec, loader->err);
	return r;
}

static int take_context(struct loader *loader)
{
	const struct yaml_node *context = NULL, *cluster = NULL, *user = NULL;
	const char *name, *cluster_name = NULL, *user_name = NULL;
	int r = context_name(loader, &name);

	if (r < 0)
		return r;
	if (!name)
		return error_set(loader->err, EINVAL, "there is no current-context in it");
	r = find(loader, "contexts", "context", name, &context);
	if (r == 0)
		r = text_of(loader, context, "cluster", &cluster_name);
	if (r == 0)
		r = text_of(loader, context, "user", &user_name);
	if (r < 0)
		return r;
	if (!cluster_name)
		return error_set(loader->err, EINVAL, "the context \"%s\" names no cluster", name);
	r = find(loader, "clusters", "cluster", cluster_name, &cluster);
	if (r == 0)
		r = take_cluster(loader, cluster);
	if (r == 0 && user_name)
		r = find(loader, "users", "user", user_name, &user);
	return r < 0 ? r : take_user(loader, user);
}

static int parse(struct loader *loader, const char *file, const struct buffer *bytes)
{
	struct document *document = &loader->document[loader->documents];
	struct yaml_node *root = yaml_tree_parse(bytes->data, bytes->length, loader->err);

	if (!root)
		return -EINVAL;
	*document = (struct document){.file = file, .root = root};
	loader->documents++;
	return root->kind == YAML_MAPPING
		       ? 0
		       : error_set(loader->err, EINVAL, "it is not a kubeconfig");
}

static int read_file(struct loader *loader, const char *file)
{
	struct buffer bytes = {0};
	int r = file_read(file, KUBE_CONFIG_MAX_BYTES, &bytes, loader->err);

	if (r < 0)
		error_context(loader->err, r, "reading the kubeconfig");
	else {
		r = parse(loader, file, &bytes);
		if (r < 0)
			error_context(loader->err, r, "reading the kubeconfig %s", file);
	}
	if (bytes.data)
		explicit_bzero(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	return r;
}

/* Of several files one may be missing, but not all. */
static int read_files(struct loader *loader, const char *const *files, size_t count)
{
	int r = error_set(loader->err, ENOENT, "reading the kubeconfig: no file is named");

	if (count > MAX_FILES)
		return error_set(loader->err, E2BIG,
			"reading the kubeconfig: %zu files are more than %d", count, MAX_FILES);
	for (size_t i = 0; i < count; i++) {
		r = read_file(loader, files[i]);
		if (r < 0 && (r != -ENOENT || count == 1))
			return r;
	}
	return loader->documents > 0 ? 0 : r;
}

int kube_config_load_context(const char *const *files, size_t count, const char *context,
	struct kube_config *ret_config, struct error *err)
{
	struct kube_config config = {0};
	struct loader loader = {.context = context, .config = &config, .err = err};
	int r = read_files(&loader, files, count);

	if (r == 0) {
		r = take_context(&loader);
		if (r < 0)
			error_context(err, r, "reading the kubeconfig %s",
				loader.file ? loader.file : files[0]);
	}
	for (size_t i = 0; i < loader.documents; i++)
		yaml_tree_free(loader.document[i].root);
	if (r < 0) {
		kube_config_free(&config);
		return r;
	}
	*ret_config = config;
	return 0;
}

int kube_config_load(const char *file, struct kube_config *ret_config, struct error *err)
{
	struct kube_config config;
	int r = kube_config_load_context(&file, 1, NULL, &config, err);

	if (r == 0 && config.exec) {
		kube_config_free(&config);
		return error_set(err, ENOTSUP,
			"reading the kubeconfig %s: the user's \"exec\" is not supported: use a token, a "
			"tokenFile or a client certificate",
			file);
	}
	if (r == 0)
		*ret_config = config;
	return r;
}
