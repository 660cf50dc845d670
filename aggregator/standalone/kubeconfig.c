#include "aggregator/standalone/kubeconfig.h"

#include "aggregator/kube/base64.h"
#include "base/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME    "tacho-standalone" /* of cluster, user and context: by it we know our own file */
#define MAX_OLD (1U << 20)

/* Whether the text is a kubeconfig that we wrote: JSON, with our cluster alone. */
static bool is_our_text(const char *text, size_t length)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	const json_t *clusters = json_object_get(root, "clusters");
	const char *name = json_string_value(json_object_get(json_array_get(clusters, 0), "name"));
	bool ours = name && strcmp(name, NAME) == 0 && json_array_size(clusters) == 1;

	json_decref(root);
	return ours;
}

/* Whether nothing is lost with the file: it is ours, or empty. */
static bool may_replace(const char *path)
{
	struct buffer bytes = {0};
	bool may = file_read(path, MAX_OLD, &bytes, NULL) == 0 &&
		   (bytes.length == 0 || is_our_text(bytes.data, bytes.length));

	buffer_free(&bytes);
	return may;
}

/* Malloced; NULL when memory is short or a text is not UTF-8. */
static char *render(const struct kubeconfig *config)
{
	char *ca = base64_encode(config->ca, config->ca_size), *text = NULL;
	json_t *root = NULL;

	if (ca)
		root = json_pack("{s:s, s:s, s:[{s:s, s:{s:s, s:s}}], s:[{s:s, s:{s:s}}], "
				 "s:[{s:s, s:{s:s, s:s}}], s:s}",
			"apiVersion", "v1", "kind", "Config", "clusters", "name", NAME, "cluster",
			"server", config->server, "certificate-authority-data", ca, "users", "name",
			NAME, "user", "token", config->token, "contexts", "name", NAME, "context",
			"cluster", NAME, "user", NAME, "current-context", NAME);
	if (root)
		text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	free(ca);
	return text;
}

int kubeconfig_write(const char *path, const struct kubeconfig *config, struct error *err)
{
	char *text;
	int r;

	if (access(path, F_OK) == 0 && !may_replace(path))
		return error_set(err, EEXIST,
			"writing the kubeconfig %s: there is a file that tacho did not write: "
			"move it away or name another",
			path);
	text = render(config);
	if (!text)
		return error_set(err, EINVAL,
			"writing the kubeconfig %s: memory is short, or the server or token is not "
			"UTF-8",
			path);
	r = file_write(path, 0600, text, strlen(text), err);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}
