#include "aggregator/kube/call_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum call_end_why why_of(int code, const char *reason)
{
	if (code == 410 || strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0)
		return CALL_END_EXPIRED;
	return CALL_END_REFUSED;
}

void call_end_of_status(const struct kube_status *status, struct call_end *ret_end)
{
	*ret_end = (struct call_end){.why = why_of(status->code, status->reason),
		.code = status->code,
		.retry_after_s = status->retry_after_s};
	(void)snprintf(ret_end->text, sizeof(ret_end->text), "%d %s: %s", status->code,
		status->reason, status->message);
}

void call_end_of_response(const struct kube_response *response, struct call_end *ret_end)
{
	struct kube_status status = {0};

	if (response->status == 0) {
		*ret_end = (struct call_end){.why = CALL_END_CUT};
		(void)snprintf(ret_end->text, sizeof(ret_end->text), "%s",
			response->failure ? response->failure : "no answer");
		return;
	}
	if (kube_status_read_json(span_of(response->body, response->size), &status) == 0) {
		status.code = response->status;
		call_end_of_status(&status, ret_end);
	} else {
		*ret_end = (struct call_end){
			.why = why_of(response->status, ""), .code = response->status};
		(void)snprintf(
			ret_end->text, sizeof(ret_end->text), "HTTP status %d", response->status);
	}
	if (response->retry_after_s > ret_end->retry_after_s)
		ret_end->retry_after_s = response->retry_after_s;
}

void call_end_of_error(int result, const struct error *err, struct call_end *ret_end)
{
	*ret_end =
		(struct call_end){.why = result == -ENOMEM ? CALL_END_MEMORY : CALL_END_MALFORMED};
	(void)snprintf(ret_end->text, sizeof(ret_end->text), "%s", err->message);
}
