#include "aggregator/kube/kube_exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API "client.authentication.k8s.io/"

/* "" counts as not given. NULL when it is absent, with a message in `err` if it is no text. */
static int text_of(
	const struct yaml_node *mapping, const char *key, const char **ret_text, struct error *err)
{
	const struct yaml_node *node = yaml_tree_get(mapping, key);

	*ret_text = NULL;
	if (!node)
		return 0;
	if (node->kind != YAML_SCALAR)
		return error_set(err, EINVAL, "line %zu: exec's %s is not a text", node->line, key);
	if (*node->text)
		*ret_text = node->text;
	return 0;
}

static int copy(const char *text, char **ret_copy, struct error *err)
{
	*ret_copy = text ? strdup(text) : NULL;
	return text && !*ret_copy ? error_errno(err, ENOMEM, "reading exec") : 0;
}

static int take_version(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	const char *text;
	int r = text_of(node, "apiVersion", &text, err);

	if (r < 0)
		return r;
	if (!text)
		return error_set(err, EINVAL, "exec has no apiVersion");
	if (strcmp(text, API "v1") != 0 && strcmp(text, API "v1beta1") != 0)
		return error_set(err, ENOTSUP,
			"exec's apiVersion \"%s\" is not supported: " API "v1 and v1beta1 are",
			text);
	return copy(text, &exec->api_version, err);
}

/* A name is looked for in $PATH, as exec(3) does; a path is relative to the kubeconfig. */
static int take_command(
	const struct yaml_node *node, const char *file, struct kube_exec *exec, struct error *err)
{
	const char *text, *slash = strrchr(file, '/');
	int r = text_of(node, "command", &text, err), folder;
	char *path;

	if (r < 0)
		return r;
	if (!text)
		return error_set(err, EINVAL, "exec has no command");
	folder = strchr(text, '/') && *text != '/' && slash ? (int)(slash - file + 1) : 0;
	if (asprintf(&path, "%.*s%s", folder, file, text) < 0)
		return error_errno(err, ENOMEM, "reading exec");
	r = string_list_add(&exec->arguments, path);
	free(path);
	return r < 0 ? error_errno(err, ENOMEM, "reading exec") : 0;
}

/* The sequence below `key`; NULL when there is none. */
static int sequence_of(const struct yaml_node *node, const char *key,
	const struct yaml_node **ret_first, struct error *err)
{
	const struct yaml_node *sequence = yaml_tree_get(node, key);

	*ret_first = NULL;
	if (!sequence)
		return 0;
	if (sequence->kind != YAML_SEQUENCE)
		return error_set(
			err, EINVAL, "line %zu: exec's %s is not a list", sequence->line, key);
	if (sequence->count > KUBE_EXEC_MAX_WORDS)
		return error_set(err, E2BIG, "line %zu: exec's %s has %zu parts, more than %d",
			sequence->line, key, sequence->count, KUBE_EXEC_MAX_WORDS);
	*ret_first = sequence->first;
	return 0;
}

static int take_arguments(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	const struct yaml_node *word;
	int r = sequence_of(node, "args", &word, err);

	for (; r == 0 && word; word = word->next) {
		if (word->kind != YAML_SCALAR)
			return error_set(err, EINVAL, "line %zu: an argument of exec is not a text",
				word->line);
		if (string_list_add(&exec->arguments, word->text) < 0)
			r = error_errno(err, ENOMEM, "reading exec");
	}
	return r;
}

static int take_variable(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	const char *name, *value;
	char *variable;
	int r = text_of(node, "name", &name, err);

	if (r == 0)
		r = text_of(node, "value", &value, err);
	if (r < 0)
		return r;
	if (!name || strchr(name, '='))
		return error_set(
			err, EINVAL, "line %zu: a variable of exec has no right name", node->line);
	if (asprintf(&variable, "%s=%s", name, value ? value : "") < 0)
		return error_errno(err, ENOMEM, "reading exec");
	r = string_list_add(&exec->variables, variable);
	free(variable);
	return r < 0 ? error_errno(err, ENOMEM, "reading exec") : 0;
}

static int take_variables(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	const struct yaml_node *variable;
	int r = sequence_of(node, "env", &variable, err);

	for (; r == 0 && variable; variable = variable->next)
		r = take_variable(variable, exec, err);
	return r;
}

static int take_input(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	static const char *const NAMES[] = {
		[KUBE_EXEC_INPUT_IF_AVAILABLE] = "IfAvailable",
		[KUBE_EXEC_INPUT_NEVER] = "Never",
		[KUBE_EXEC_INPUT_ALWAYS] = "Always",
	};
	const char *text;
	int r = text_of(node, "interactiveMode", &text, err);

	if (r < 0 || !text)
		return r;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(text, NAMES[i]) == 0) {
			exec->input = (enum kube_exec_input)i;
			return 0;
		}
	return error_set(err, EINVAL,
		"exec's interactiveMode \"%s\" is none of IfAvailable, Never, Always", text);
}

static int take_rest(const struct yaml_node *node, struct kube_exec *exec, struct error *err)
{
	const char *hint, *cluster;
	int r = text_of(node, "installHint", &hint, err);

	if (r == 0)
		r = copy(hint, &exec->install_hint, err);
	if (r == 0)
		r = text_of(node, "provideClusterInfo", &cluster, err);
	if (r < 0)
		return r;
	exec->wants_cluster = cluster && strcasecmp(cluster, "true") == 0;
	if (cluster && !exec->wants_cluster && strcasecmp(cluster, "false") != 0)
		return error_set(
			err, EINVAL, "exec's provideClusterInfo is neither true nor false");
	return 0;
}

int kube_exec_parse(const struct yaml_node *node, const char *file, struct kube_exec **ret_exec,
	struct error *err)
{
	struct kube_exec *exec;
	int r;

	if (node->kind != YAML_MAPPING)
		return error_set(err, EINVAL, "line %zu: exec is not a mapping", node->line);
	exec = calloc(1, sizeof(*exec));
	if (!exec)
		return error_errno(err, ENOMEM, "reading exec");
	r = take_version(node, exec, err);
	if (r == 0)
		r = take_command(node, file, exec, err);
	if (r == 0)
		r = take_arguments(node, exec, err);
	if (r == 0)
		r = take_variables(node, exec, err);
	if (r == 0)
		r = take_input(node, exec, err);
	if (r == 0)
		r = take_rest(node, exec, err);
	if (r < 0) {
		kube_exec_free(exec);
		return r;
	}
	*ret_exec = exec;
	return 0;
}

static void wipe(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		explicit_bzero(list->item[i], strlen(list->item[i]));
	string_list_free(list);
}

void kube_exec_free(struct kube_exec *exec)
{
	if (!exec)
		return;
	free(exec->api_version);
	wipe(&exec->arguments);
	wipe(&exec->variables);
	free(exec->install_hint);
	free(exec);
}
