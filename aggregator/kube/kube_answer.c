#include "aggregator/kube/kube_answer.h"

#include "base/clock.h"
#include "base/telemetry.h"

#include <string.h>

#define MAX_HEADER_BYTES (64U << 10) /* of an answer, all together */

/* --- what curl hands us ----------------------------------------------------------------------- */

long kube_answer_status(const struct kube_answer *answer)
{
	long status = 0;

	(void)curl_easy_getinfo(answer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
	struct kube_answer *answer = context;

	(void)one; /* always 1 */
	answer->heard_ns = clock_monotonic_ns();
	if (size > 5 && memcmp(data, "HTTP/", 5) == 0)
		answer->head_whole = false; /* trailers come here too, and change nothing */
	else if (size > 0 && (*data == '\r' || *data == '\n'))
		answer->head_whole = true;
	answer->header_bytes += size;
	if (answer->unwanted)
		return CURL_WRITEFUNC_ERROR;
	if (answer->header_bytes > MAX_HEADER_BYTES) {
		answer->end = KUBE_END_TOO_LONG;
		return CURL_WRITEFUNC_ERROR;
	}
	return size;
}

static bool keep(struct kube_answer *answer, const char *data, size_t size)
{
	if (size > answer->request->max_body - answer->body.length) {
		answer->end = KUBE_END_TOO_LONG;
		return false;
	}
	buffer_append(&answer->body, data, size);
	if (answer->body.failed)
		answer->end = KUBE_END_MEMORY;
	return !answer->body.failed;
}

static bool hand_on(struct kube_answer *answer, const char *data, size_t size)
{
	int r = answer->request->on_data(answer->request->context, data, size);

	if (r < 0 && !answer->unwanted) {
		answer->end = KUBE_END_NOT_TAKEN;
		answer->not_taken = r;
	}
	return r >= 0 && !answer->unwanted;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
	struct kube_answer *answer = context;
	bool good;

	(void)one;
	if (answer->unwanted)
		return CURL_WRITEFUNC_ERROR;
	answer->heard_ns = clock_monotonic_ns();
	telemetry_add(answer->tally->received_bytes, size);
	if (answer->request->on_data && kube_answer_status(answer) / 100 == 2)
		good = hand_on(answer, data, size);
	else
		good = keep(answer, data, size);
	return good ? size : CURL_WRITEFUNC_ERROR;
}

void kube_answer_attach(struct kube_answer *answer)
{
	CURL *easy = answer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, answer->curl_message);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
}

void kube_answer_restart(struct kube_answer *answer)
{
	answer->header_bytes = 0;
	answer->head_whole = false;
	buffer_clear(&answer->body);
}

/* --- whether it is whole ---------------------------------------------------------------------- */

/* curl takes a head that breaks off for a whole one, and a body that only the connection's end ends
 * for whole even without TLS' goodbye: both may be a cut. */
static bool is_whole(const struct kube_answer *answer)
{
	struct curl_header *header;
	curl_off_t length = -1;
	long version = 0;

	if (!answer->head_whole)
		return false;
	(void)curl_easy_getinfo(answer->easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(answer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return version >= CURL_HTTP_VERSION_2_0 || length >= 0 ||
	       kube_answer_status(answer) == 204 ||
	       curl_easy_header(answer->easy, "Transfer-Encoding", 0, CURLH_HEADER, -1, &header) ==
		       CURLHE_OK;
}

/* A no whose body was cut off is still a no. (kube-apiserver closes a connection after a 401, and
 * curl may lose the bodies of others then that came before: seen with 7.88 and HTTP/2.) */
static bool is_refusal(const struct kube_answer *answer, CURLcode result)
{
	return answer->end == KUBE_END_NONE && answer->head_whole &&
	       kube_answer_status(answer) >= 300 &&
	       kube_failure_of_curl(result) == KUBE_FAILURE_CUT;
}

CURLcode kube_answer_result(struct kube_answer *answer, CURLcode result)
{
	if (result == CURLE_OK && !is_whole(answer))
		result = CURLE_PARTIAL_FILE;
	if (result != CURLE_OK && is_refusal(answer, result)) {
		buffer_clear(&answer->body);
		result = CURLE_OK;
	}
	return result;
}

/* --- what is told of it ----------------------------------------------------------------------- */

static void describe_failure(const struct kube_answer *answer, CURLcode result, const char *server,
	struct error *ret_text)
{
	const struct kube_request *request = answer->request;
	struct kube_failed failed = {
		.end = answer->end,
		.result = result,
		.curl_message = answer->curl_message,
		.server = server,
		.timeout_ns = request->timeout_ns,
		.silence_ns = request->silence_ns,
		.max_head = MAX_HEADER_BYTES,
		.max_body = request->max_body,
		.not_taken = answer->not_taken,
	};

	telemetry_add(answer->tally->failed[kube_failure_describe(&failed, ret_text)], 1);
}

static uint32_t retry_after_of(const struct kube_answer *answer)
{
	curl_off_t seconds = 0;

	(void)curl_easy_getinfo(answer->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static void fill_response(const struct kube_answer *answer, struct kube_response *response)
{
	long status = kube_answer_status(answer);
	char *content_type = NULL;

	kube_tally_answer(answer->tally, status);
	(void)curl_easy_getinfo(answer->easy, CURLINFO_CONTENT_TYPE, &content_type);
	response->status = (int)status;
	response->content_type = content_type ? content_type : "";
	response->retry_after_s = retry_after_of(answer);
	response->body = answer->body.data ? answer->body.data : "";
	response->size = answer->body.length;
}

void kube_answer_tell(const struct kube_answer *answer, CURLcode result, const char *server,
	struct kube_response *ret_response, struct error *ret_text)
{
	*ret_response = (struct kube_response){.content_type = ""};
	if (result == CURLE_OK && answer->end == KUBE_END_NONE) {
		fill_response(answer, ret_response);
		return;
	}
	describe_failure(answer, result, server, ret_text);
	ret_response->failure = ret_text->message;
}

void kube_answer_free(struct kube_answer *answer)
{
	if (answer->body.data)
		explicit_bzero(answer->body.data, answer->body.capacity);
	buffer_free(&answer->body);
}
