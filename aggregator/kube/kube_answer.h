/* An answer of kube-apiserver as libcurl hands it over: kept, or handed on piece by piece, within
 * bounds; and whether what came is a whole answer.
 *
 * Part of a call of kube_client.c: in its thread, used from the first byte until its end. */
#ifndef KUBE_KUBE_ANSWER_H
#define KUBE_KUBE_ANSWER_H

#include "aggregator/kube/kube_failure.h"
#include "aggregator/kube/kube_request.h"
#include "aggregator/kube/kube_tally.h"
#include "base/buffer.h"
#include "base/error.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_answer {
	/* The owner's, all of them; `request` with a max_body. */
	CURL *easy;
	const struct kube_request *request;
	const struct kube_tally *tally;

	/* Set by the owner: nobody waits for it any more, curl shall end it. */
	bool unwanted;
	/* Why it was ended by us: here, or by the owner when its time is over. */
	enum kube_end end;
	uint64_t
		heard_ns; /* the last byte, by clock_monotonic_ns(); the owner sets the beginning */

	bool head_whole;
	size_t header_bytes; /* at most 64 KiB */
	struct buffer body;
	int not_taken; /* what on_data said */
	char curl_message[CURL_ERROR_SIZE];
};

/* Has `answer->easy` hand over what it gets. The answer must not move afterwards. */
void kube_answer_attach(struct kube_answer *answer);

/* Forgets what came: the request is sent once more. */
void kube_answer_restart(struct kube_answer *answer);

/* HTTP's; 0 when none has come. */
long kube_answer_status(const struct kube_answer *answer);

/* curl's result, corrected: of an answer that it takes for whole though it may have been cut off,
 * and of one that it takes for cut off though its status is answer enough. */
CURLcode kube_answer_result(struct kube_answer *answer, CURLcode result);

/* What is told of it, and counts it. `ret_text` holds the failure's text that the response points
 * to; the answer holds the rest. `server` is for that text. */
void kube_answer_tell(const struct kube_answer *answer, CURLcode result, const char *server,
	struct kube_response *ret_response, struct error *ret_text);

/* Wipes the body: an answer repeats the token that it is about. */
void kube_answer_free(struct kube_answer *answer);

#endif
