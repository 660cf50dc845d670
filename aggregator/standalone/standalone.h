/* What the aggregator needs to run without Kubernetes: a certificate, a token for clients, a
 * secret for agents. What is not given is made once and kept. */
#ifndef STANDALONE_STANDALONE_H
#define STANDALONE_STANDALONE_H

#include "base/error.h"

#include <stdint.h>

struct standalone_options {
	const char *folder;               /* for what is made here; made (0700) when needed */
	const char *cert_file, *key_file; /* PEM; "" = self-made in the folder */
	const char *token_file;           /* "" = token in the folder, made when absent */
	const char *secret_file;          /* made when absent; "" = agent.secret in the folder */
};

struct standalone;

/* Reads what is there and makes what is missing. NULL and a message when a file can't be read,
 * holds nothing, or can't be written. Blocks on the disk. */
struct standalone *standalone_open(const struct standalone_options *options, struct error *err);
void standalone_close(struct standalone *standalone);

/* All live as long as `standalone`. */
const char *standalone_cert_file(const struct standalone *standalone);
const char *standalone_key_file(const struct standalone *standalone);
const char *standalone_token(const struct standalone *standalone);
const char *standalone_secret(const struct standalone *standalone);

/* Writes a kubeconfig (mode 0600) whose user has the token and whose cluster is
 * https://address:port, verified by the self-made CA, or by the system's where the certificate was
 * given. 0 or -errno. */
int standalone_write_kubeconfig(const struct standalone *standalone, const char *path,
	const char *address, uint16_t port, struct error *err);

#endif
