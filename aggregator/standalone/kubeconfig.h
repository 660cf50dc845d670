/* The kubeconfig by which kubectl reaches a standalone aggregator. */
#ifndef STANDALONE_KUBECONFIG_H
#define STANDALONE_KUBECONFIG_H

#include "base/error.h"

#include <stddef.h>

struct kubeconfig {
	const char *server; /* "https://127.0.0.1:8443" */
	const void *ca;     /* PEM, embedded; empty: the system's CAs */
	size_t ca_size;
	const char *token;
};

/* Writes the kubeconfig as JSON (which is YAML too) with mode 0600, whole or not at all. Replaces
 * an empty file or one that this function wrote; any other is left alone: -EEXIST, for it may be
 * all that someone has of their clusters. 0 or -errno. Blocks on the disk. */
int kubeconfig_write(const char *path, const struct kubeconfig *config, struct error *err);

#endif
