/* A request's target as a client may send it: path and query, a list's options, selectors. */
#include "aggregator/api/list_options.h"
#include "aggregator/api/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct request *request)
{
	static const struct label ITEMS[] = {{"a", "b"}, {"d", "x"}};
	static const struct labels LABELS = {ITEMS, 2}, NONE = {0};
	struct list_options options = {0};
	struct status status = {0};
	struct error err;
	char *name = list_options_name(request);

	free(name);
	(void)request_check_timeout(request, &err);
	(void)request_pretty(request);
	if (!list_options_parse(request, "metrics.k8s.io", "pods", &options, &status)) {
		status_free(&status);
		return;
	}
	(void)label_selector_matches(options.labels, &LABELS);
	(void)label_selector_matches(options.labels, &NONE);
	if (options.labels)
		(void)label_selector_required(options.labels);
	(void)field_selector_matches(options.fields, "shop", "web");
	label_selector_free(options.labels);
	field_selector_free(options.fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evkeyvalq headers = TAILQ_HEAD_INITIALIZER(headers);
	struct request request;
	struct error err;
	char *target = malloc(size + 1);

	memcpy(target, data, size);
	target[size] = '\0';
	if (request_parse(&request, REQUEST_GET, target, &headers, &err) == 0) {
		check(&request);
		request_free(&request);
	}
	free(target);
	return 0;
}
