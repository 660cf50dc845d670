#include "aggregator/ingest/kube_desk.h"

static int post(void *context, void (*work)(void *work_context, struct kube_client *client),
	void *work_context)
{
	return metadata_post(context, work, work_context);
}

static bool pods_synced(void *context)
{
	return metadata_pods_synced(context);
}

struct kube_desk kube_desk_of(struct metadata *metadata)
{
	return (struct kube_desk){.post = post,
		.pods_synced = pods_synced,
		.send = token_review_send,
		.cancel = review_cancel,
		.context = metadata};
}
