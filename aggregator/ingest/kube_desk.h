/* What ingest needs of the thread that speaks with kube-apiserver. Behind it stand metadata.h and
 * reviews.h; in tests, whatever the test wants. */
#ifndef INGEST_KUBE_DESK_H
#define INGEST_KUBE_DESK_H

#include "aggregator/kube/metadata.h"
#include "aggregator/kube/reviews.h"

#include <stdbool.h>

struct kube_desk {
	/* metadata_post() */
	int (*post)(void *context, void (*work)(void *work_context, struct kube_client *client),
		void *work_context);
	/* metadata_pods_synced() */
	bool (*pods_synced)(void *context);
	/* token_review_send() and review_cancel(): from posted work and from answers only */
	struct review *(*send)(struct kube_client *client, const char *token, const char *audience,
		void (*on_answer)(void *answer_context, const struct token_review_answer *answer),
		void *answer_context, struct error *err);
	void (*cancel)(struct review *review);
	void *context; /* of the first two */
};

/* `metadata` must outlive it. */
struct kube_desk kube_desk_of(struct metadata *metadata);

#endif
