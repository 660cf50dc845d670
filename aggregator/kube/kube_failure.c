#include "aggregator/kube/kube_failure.h"

#include <errno.h>

enum kube_failure kube_failure_of_curl(CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return KUBE_FAILURE_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
		return KUBE_FAILURE_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return KUBE_FAILURE_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return KUBE_FAILURE_CUT;
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WEIRD_SERVER_REPLY:
		return KUBE_FAILURE_CONTENT;
	case CURLE_OUT_OF_MEMORY:
		return KUBE_FAILURE_MEMORY;
	default:
		return KUBE_FAILURE_UNKNOWN;
	}
}

static enum kube_failure describe_curl(const struct kube_failed *failed, struct error *text)
{
	/* curl has no message when it took half an answer for a whole one. */
	(void)error_set(text, EIO, "asking %s: %s", failed->server,
		*failed->curl_message ? failed->curl_message : curl_easy_strerror(failed->result));
	return kube_failure_of_curl(failed->result);
}

enum kube_failure kube_failure_describe(const struct kube_failed *failed, struct error *ret_text)
{
	switch (failed->end) {
	case KUBE_END_TIMEOUT:
		(void)error_set(ret_text, ETIMEDOUT, "asking %s: no whole answer within %.1f s",
			failed->server, (double)failed->timeout_ns / 1e9);
		return KUBE_FAILURE_TIMEOUT;
	case KUBE_END_SILENCE:
		(void)error_set(ret_text, ETIMEDOUT, "asking %s: not a byte came for %.1f s",
			failed->server, (double)failed->silence_ns / 1e9);
		return KUBE_FAILURE_SILENCE;
	case KUBE_END_TOO_LONG:
		(void)error_set(ret_text, EFBIG,
			"asking %s: the answer's head has more than %zu bytes or its body more "
			"than %zu",
			failed->server, failed->max_head, failed->max_body);
		return KUBE_FAILURE_TOO_LONG;
	case KUBE_END_NOT_TAKEN:
		(void)error_errno(
			ret_text, -failed->not_taken, "taking what %s sends", failed->server);
		return KUBE_FAILURE_CONTENT;
	case KUBE_END_MEMORY:
		(void)error_errno(ret_text, ENOMEM, "asking %s", failed->server);
		return KUBE_FAILURE_MEMORY;
	case KUBE_END_NONE:
		break;
	}
	return describe_curl(failed, ret_text);
}
