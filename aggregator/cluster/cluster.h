/* What the aggregator needs to run in a cluster: a way to kube-apiserver, the thread that follows
 * pods and nodes, and Kubernetes' word on who is let in. */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "aggregator/access/access.h"
#include "aggregator/api/api.h"
#include "aggregator/kube/metadata.h"
#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>

#define CLUSTER_CONDITIONS 2

struct cluster_options {
	const char *kubeconfig;           /* "" = as a pod, by its service account */
	const char *node_selector;        /* "" = all nodes */
	const char *folder;               /* for a self-made certificate */
	const char *cert_file, *key_file; /* PEM; "" = self-made */
	/* Its files, lists and times; what belongs to the parts is filled in here. */
	struct access_options access;
	struct store *store;
	struct event_base *base;
	struct telemetry *telemetry;
};

struct cluster;

/* NULL and a message: no kubeconfig and no pod, a file that can't be read. kube-apiserver need not
 * be there yet. Blocks on the disk. */
struct cluster *cluster_open(const struct cluster_options *options, struct error *err);

/* Before the store and the event_base are freed, after the API has stopped. */
void cluster_close(struct cluster *cluster);

/* All live as long as `cluster`. */
const char *cluster_cert_file(const struct cluster *cluster);
const char *cluster_key_file(const struct cluster *cluster);
struct access *cluster_access(const struct cluster *cluster);
struct metadata *cluster_metadata(const struct cluster *cluster);

/* What the API's /readyz waits for; CLUSTER_CONDITIONS of them. */
const struct api_condition *cluster_conditions(const struct cluster *cluster);

#endif
