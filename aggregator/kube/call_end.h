/* How a list or a watch ended: what has to be done next depends on it. */
#ifndef KUBE_CALL_END_H
#define KUBE_CALL_END_H

#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/kube_status.h"
#include "base/error.h"

#include <stdint.h>

#define CALL_ENDS(X)                                                             \
	X(DONE, "done")           /* a list is whole; a watch's time was over */ \
	X(CUT, "cut")             /* no connection, or none any more */          \
	X(SILENT, "silent")       /* nothing came for too long */                \
	X(EXPIRED, "expired")     /* the resource version is too old: 410 */     \
	X(REFUSED, "refused")     /* any other error that the server answered */ \
	X(MALFORMED, "malformed") /* not understood, or beyond a bound */        \
	X(MEMORY, "memory")                                                      \
	X(LATE, "late") /* the initial events of a watch did not end in time */

#define X(symbol, label) CALL_END_##symbol,
enum call_end_why { CALL_ENDS(X) CALL_END_COUNT };
#undef X

struct call_end {
	enum call_end_why why;
	int code; /* HTTP's or the Status'; 0 where there was no answer */
	uint32_t retry_after_s;
	char text[sizeof(struct error)]; /* for people */
};

/* Of an answer that is none of what was asked for (`response->status` is not 2xx). */
void call_end_of_response(const struct kube_response *response, struct call_end *ret_end);

/* Of an ERROR event. */
void call_end_of_status(const struct kube_status *status, struct call_end *ret_end);

/* Of what we could not take: -ENOMEM or any other. */
void call_end_of_error(int result, const struct error *err, struct call_end *ret_end);

#endif
