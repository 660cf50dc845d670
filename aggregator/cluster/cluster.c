#include "aggregator/cluster/cluster.h"

#include "aggregator/standalone/certificate.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cluster {
	struct kube_config config;
	struct kube_client *client; /* in the API's loop */
	struct access *access;
	struct metadata *metadata;
	struct api_condition conditions[CLUSTER_CONDITIONS];
	struct certificate_files files;
};

/* --- what readiness waits for ----------------------------------------------------------------- */

static const char *metadata_synced(void *context)
{
	const struct cluster *cluster = context;

	if (!metadata_nodes_synced(cluster->metadata))
		return "the nodes were not listed yet";
	return metadata_pods_synced(cluster->metadata) ? NULL : "the pods were not listed yet";
}

static const char *authentication_loaded(void *context)
{
	const struct cluster *cluster = context;

	return access_loaded(cluster->access)
		       ? NULL
		       : "ConfigMap kube-system/extension-apiserver-authentication was not read yet";
}

/* --- opening ---------------------------------------------------------------------------------- */

static int take_config(
	struct cluster *cluster, const struct cluster_options *options, struct error *err)
{
	int r;

	if (*options->kubeconfig)
		return kube_config_load(options->kubeconfig, &cluster->config, err);
	r = kube_config_in_cluster(&cluster->config, err);
	return error_context(
		err, r, "neither --kubeconfig nor --standalone is given, and this is no pod");
}

static int copy_path(char *to, size_t size, const char *path, struct error *err)
{
	if (strlen(path) >= size)
		return error_errno(err, ENAMETOOLONG, "%s", path);
	(void)strcpy(to, path);
	return 0;
}

static int take_certificate(
	struct cluster *cluster, const struct cluster_options *options, struct error *err)
{
	struct certificate_files *files = &cluster->files;
	int r;

	if (!*options->cert_file) {
		r = certificate_ensure(options->folder, NULL, CERTIFICATE_VALID_DAYS, files, err);
		if (r == 0)
			log_warn("serving with a self-made certificate, which agents and "
				 "kube-apiserver can't verify: --tls-cert-file names a better one");
		return r;
	}
	r = copy_path(files->cert_file, sizeof(files->cert_file), options->cert_file, err);
	if (r == 0)
		r = copy_path(files->key_file, sizeof(files->key_file), options->key_file, err);
	return r;
}

static int start(struct cluster *cluster, const struct cluster_options *options, struct error *err)
{
	const struct kube_client_options client = {
		.config = &cluster->config, .base = options->base, .telemetry = options->telemetry};
	const struct metadata_options metadata = {
		.config = &cluster->config,
		.node_selector = options->node_selector,
		.store = options->store,
		.telemetry = options->telemetry,
	};
	struct access_options access = options->access;

	cluster->client = kube_client_new(&client, err);
	if (!cluster->client)
		return -EINVAL;
	access.token = NULL;
	access.client = cluster->client;
	access.base = options->base;
	access.telemetry = options->telemetry;
	cluster->access = access_new(&access, err);
	if (!cluster->access)
		return -EINVAL;
	cluster->metadata = metadata_start(&metadata, err);
	return cluster->metadata ? 0 : -EINVAL;
}

struct cluster *cluster_open(const struct cluster_options *options, struct error *err)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	int r;

	if (!cluster) {
		(void)error_errno(err, ENOMEM, "starting");
		return NULL;
	}
	cluster->conditions[0] =
		(struct api_condition){"metadata-synced", metadata_synced, cluster};
	cluster->conditions[1] =
		(struct api_condition){"authentication-config", authentication_loaded, cluster};
	r = take_config(cluster, options, err);
	if (r == 0)
		r = take_certificate(cluster, options, err);
	if (r == 0)
		r = start(cluster, options, err);
	if (r == 0)
		return cluster;
	cluster_close(cluster);
	return NULL;
}

void cluster_close(struct cluster *cluster)
{
	if (!cluster)
		return;
	metadata_stop(cluster->metadata);
	access_free(cluster->access);
	kube_client_free(cluster->client);
	kube_config_free(&cluster->config);
	free(cluster);
}

const char *cluster_cert_file(const struct cluster *cluster)
{
	return cluster->files.cert_file;
}

const char *cluster_key_file(const struct cluster *cluster)
{
	return cluster->files.key_file;
}

struct access *cluster_access(const struct cluster *cluster)
{
	return cluster->access;
}

struct metadata *cluster_metadata(const struct cluster *cluster)
{
	return cluster->metadata;
}

const struct api_condition *cluster_conditions(const struct cluster *cluster)
{
	return cluster->conditions;
}
