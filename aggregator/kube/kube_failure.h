/* Why a call of kube-apiserver has no whole answer, in words and by kind. */
#ifndef KUBE_KUBE_FAILURE_H
#define KUBE_KUBE_FAILURE_H

#include "aggregator/kube/kube_tally.h"
#include "base/error.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

/* Why we ended it ourselves. */
enum kube_end {
	KUBE_END_NONE,
	KUBE_END_TIMEOUT,
	KUBE_END_SILENCE,
	KUBE_END_TOO_LONG,
	KUBE_END_NOT_TAKEN,
	KUBE_END_MEMORY,
};

enum kube_failure kube_failure_of_curl(CURLcode result);

struct kube_failed {
	enum kube_end end;
	CURLcode result;          /* of KUBE_END_NONE */
	const char *curl_message; /* "" when curl has none */
	const char *server;
	uint64_t timeout_ns, silence_ns;
	size_t max_head, max_body;
	int not_taken; /* -errno of KUBE_END_NOT_TAKEN */
};

enum kube_failure kube_failure_describe(const struct kube_failed *failed, struct error *ret_text);

#endif
