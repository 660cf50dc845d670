/* What a client shows to kube-apiserver and what it trusts, kept as new as the files are. */
#ifndef KUBE_KUBE_CREDENTIALS_H
#define KUBE_KUBE_CREDENTIALS_H

#include "aggregator/kube/kube_config.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stdint.h>

#define KUBE_TOKEN_MAX_BYTES (64U << 10)
#define KUBE_PEM_MAX_BYTES   (1U << 20)

struct kube_credentials;

/* Reads all files. `config` is copied, but one with a program to run (exec) has to outlive it: that
 * is run now, and may ask whoever sits at a terminal. NULL and a message when something can't be
 * read, or does not hold what it should. Blocks on the disk, as all of this does, and on that
 * program. */
struct kube_credentials *kube_credentials_new(
	const struct kube_config *config, struct telemetry *telemetry, struct error *err);
void kube_credentials_free(struct kube_credentials *credentials);

/* Before each call: the token's file is read when a minute has passed, certificates when their
 * files have changed, and the program is run again, with nobody to ask, when its credential is
 * about to end. What can't be used is logged and counted, and the last good one stays. */
void kube_credentials_refresh(struct kube_credentials *credentials, uint64_t now_ns);

/* After a 401: reads the token's file, or runs the program, at once. True when there is another
 * token now than `seen`, the revision that was refused. */
bool kube_credentials_refused(struct kube_credentials *credentials, unsigned seen, uint64_t now_ns);

/* Why the kubeconfig's program gave nothing when it was run the last time; "": it did, or there is
 * none. Valid until the next of the calls above. */
const char *kube_credentials_failure(const struct kube_credentials *credentials);

/* Valid until the next of these calls. NULL: there is none. */
const char *kube_credentials_token(
	const struct kube_credentials *credentials, unsigned *ret_revision);
const char *kube_credentials_ca(const struct kube_credentials *credentials);
const char *kube_credentials_cert(const struct kube_credentials *credentials);
const char *kube_credentials_key(const struct kube_credentials *credentials);

#endif
