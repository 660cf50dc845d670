/* The aggregator's flags. Those that metrics-server has too keep its names and meaning. */
#ifndef AGGREGATOR_FLAGS_H
#define AGGREGATOR_FLAGS_H

#include "base/error.h"
#include "base/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAGS_MAX_LISTEN 8 /* urls in --listen */

struct flags {
	bool standalone;

	/* The API. */
	const char *bind_address, *cert_dir, *cert_file, *key_file;
	uint64_t secure_port, max_connections, max_requests, shutdown_delay_ns;
	uint64_t serving_threads; /* 0: by the CPUs that there are */
	bool custom_metrics;
	int tls_min_version;                       /* of OpenSSL's numbers */
	const char *token_file, *write_kubeconfig; /* standalone */

	/* Kubernetes. */
	const char *kubeconfig, *node_selector;
	const char *client_ca_file, *requestheader_ca_file;
	struct string_list username_headers, uid_headers, group_headers, extra_prefixes;
	struct string_list allowed_names, always_allow_paths;
	uint64_t token_ttl_ns, allow_ttl_ns, deny_ttl_ns, max_pods;

	/* The agents. */
	struct string_list listen;
	const char *secret_file; /* standalone */
	const char *agent_audience, *agent_cert_file, *agent_key_file;
	char agent_user[512]; /* "system:serviceaccount:NAMESPACE:NAME" */
	uint64_t max_nodes, expiry_ns;
	bool insecure;

	int log_level;
	bool help, version; /* help was printed */
};

/* Reads argv; 0, or -EINVAL with a message for who typed it. Strings point into argv. */
int flags_parse(struct flags *ret_flags, int argc, char **argv, struct error *err);
void flags_free(struct flags *flags);

#endif
