#include "aggregator/standalone/standalone.h"

#include "aggregator/standalone/certificate.h"
#include "aggregator/standalone/kubeconfig.h"
#include "aggregator/standalone/secret.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CA_MAX 65536 /* bytes of a PEM file */

struct standalone {
	bool self_made; /* the certificate is: its CA is in files.ca_file */
	struct certificate_files files;
	struct secret token, secret;
};

static int copy_path(char *to, size_t size, const char *path, struct error *err)
{
	if (strlen(path) >= size)
		return error_errno(err, ENAMETOOLONG, "%s", path);
	(void)strcpy(to, path);
	return 0;
}

static int take_certificate(
	struct standalone *standalone, const struct standalone_options *options, struct error *err)
{
	struct certificate_files *files = &standalone->files;
	int r;

	/* the folder holds token and secret too, and certificate_ensure() makes it */
	standalone->self_made = !*options->cert_file;
	if (standalone->self_made) {
		r = certificate_ensure(options->folder, NULL, CERTIFICATE_VALID_DAYS, files, err);
		if (r == 0 && files->made)
			log_info("a new certificate was made: clients and agents need %s",
				files->ca_file);
		return r;
	}
	r = copy_path(files->cert_file, sizeof(files->cert_file), options->cert_file, err);
	if (r == 0)
		r = copy_path(files->key_file, sizeof(files->key_file), options->key_file, err);
	return r;
}

/* The secret of `file`, or of `name` in the folder. */
static int take_secret(const struct standalone_options *options, const char *file, const char *name,
	struct secret *ret_secret, struct error *err)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s/%s", options->folder, name);

	if (*file)
		return secret_ensure(file, ret_secret, err);
	if (length < 0 || (size_t)length >= sizeof(path))
		return error_errno(err, ENAMETOOLONG, "%s/%s", options->folder, name);
	return secret_ensure(path, ret_secret, err);
}

struct standalone *standalone_open(const struct standalone_options *options, struct error *err)
{
	struct standalone *standalone = calloc(1, sizeof(*standalone));
	int r;

	if (!standalone) {
		(void)error_errno(err, ENOMEM, "starting");
		return NULL;
	}
	r = take_certificate(standalone, options, err);
	if (r == 0)
		r = take_secret(options, options->token_file, "token", &standalone->token, err);
	if (r == 0)
		r = take_secret(
			options, options->secret_file, "agent.secret", &standalone->secret, err);
	if (r < 0) {
		standalone_close(standalone);
		return NULL;
	}
	return standalone;
}

void standalone_close(struct standalone *standalone)
{
	if (!standalone)
		return;
	explicit_bzero(standalone, sizeof(*standalone));
	free(standalone);
}

const char *standalone_cert_file(const struct standalone *standalone)
{
	return standalone->files.cert_file;
}

const char *standalone_key_file(const struct standalone *standalone)
{
	return standalone->files.key_file;
}

const char *standalone_token(const struct standalone *standalone)
{
	return standalone->token.text;
}

const char *standalone_secret(const struct standalone *standalone)
{
	return standalone->secret.text;
}

int standalone_write_kubeconfig(const struct standalone *standalone, const char *path,
	const char *address, uint16_t port, struct error *err)
{
	bool six = strchr(address, ':') != NULL;
	struct buffer ca = {0};
	struct kubeconfig config;
	char server[128];
	int r = 0;

	/* a client can't connect to "every address" */
	if (strcmp(address, "0.0.0.0") == 0)
		address = "127.0.0.1";
	else if (strcmp(address, "::") == 0)
		address = "::1";
	(void)snprintf(
		server, sizeof(server), six ? "https://[%s]:%u" : "https://%s:%u", address, port);
	if (standalone->self_made)
		r = file_read(standalone->files.ca_file, CA_MAX, &ca, err);
	if (r == 0) {
		config = (struct kubeconfig){.server = server,
			.ca = ca.data,
			.ca_size = ca.length,
			.token = standalone->token.text};
		r = kubeconfig_write(path, &config, err);
	}
	buffer_free(&ca);
	return r;
}
