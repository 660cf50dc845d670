#include "top/kubeconfig_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add_parts(const char *text, struct string_list *ret_files, struct error *err)
{
	char *copy = strdup(text), *rest = copy, *part;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (part = strsep(&rest, ":")))
		if (*part)
			r = string_list_add(ret_files, part);
	free(copy);
	return r < 0 ? error_errno(err, ENOMEM, "reading $KUBECONFIG") : 0;
}

int kubeconfig_files(const char *flag, struct string_list *ret_files, struct error *err)
{
	const char *variable = getenv("KUBECONFIG"), *home = getenv("HOME");
	char *path;
	int r;

	if (*flag)
		return string_list_add(ret_files, flag) < 0 ? error_errno(err, ENOMEM, "starting")
							    : 0;
	r = variable ? add_parts(variable, ret_files, err) : 0;
	if (r < 0 || ret_files->count > 0)
		return r;
	if (!home || !*home || asprintf(&path, "%s/.kube/config", home) < 0)
		return error_set(err, ENOENT,
			"there is no kubeconfig: neither --kubeconfig nor $KUBECONFIG nor $HOME is set");
	if (access(path, F_OK) < 0)
		r = error_set(err, ENOENT,
			"there is no kubeconfig: %s does not exist, and neither --kubeconfig nor $KUBECONFIG is set",
			path);
	else if (string_list_add(ret_files, path) < 0)
		r = error_errno(err, ENOMEM, "starting");
	free(path);
	return r;
}
