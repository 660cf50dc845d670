/* The thread that follows kube-apiserver's pods and nodes and tells the store, and on which the
 * reviews of agents' tokens run: everything that speaks with kube-apiserver and must not make the
 * API's loop wait. */
#ifndef KUBE_METADATA_H
#define KUBE_METADATA_H

#include "aggregator/kube/kube_client.h"
#include "aggregator/store/store.h"

#include <stdbool.h>

struct metadata_options {
	const struct kube_config *config;
	const char *node_selector; /* labels; "" = all nodes */
	struct store *store;
	struct telemetry *telemetry;
};

struct metadata;

/* Starts the thread, named "kube". NULL and a message when the config's files can't be read or
 * memory is short; kube-apiserver need not be there yet. */
struct metadata *metadata_start(const struct metadata_options *options, struct error *err);
void metadata_stop(struct metadata *metadata);

/* Any thread: whether pods, or nodes, were listed whole once. */
bool metadata_pods_synced(const struct metadata *metadata);
bool metadata_nodes_synced(const struct metadata *metadata);

/* Runs `work` on the thread, soon and in the order of the calls; its client may be used there.
 * Any thread. 0 or -ENOMEM; work that is still waiting when metadata_stop() is called is run with
 * a NULL client, so that it can free what it has. */
int metadata_post(struct metadata *metadata,
	void (*work)(void *context, struct kube_client *client), void *context);

#endif
