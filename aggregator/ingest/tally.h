/* What ingest counts of itself, by kind and reason. */
#ifndef INGEST_TALLY_H
#define INGEST_TALLY_H

#include "base/telemetry.h"

/* Messages that were taken: enumerator, label. */
#define TALLY_KINDS(X)        \
	X(HELLO, "hello")     \
	X(CATALOG, "catalog") \
	X(SAMPLE, "sample")

/* Messages that were not. */
#define TALLY_DROPS(X)                                                           \
	X(MALFORMED, "malformed")             /* no protobuf, or cut off */      \
	X(TOO_COMPLEX, "too_complex")         /* unfolds beyond the arena */     \
	X(UNKNOWN_KIND, "unknown_kind")       /* a newer agent's */              \
	X(BEFORE_HELLO, "before_hello")       /* nothing is applied before it */ \
	X(HELLO_REFUSED, "hello_refused")     /* name or secret */               \
	X(NODE_CHANGED, "node_changed")       /* a second Hello, another node */ \
	X(UNDER_REVIEW, "under_review")       /* a sample before the verdict */  \
	X(TOO_MUCH_HELD, "too_much_held")     /* a catalog before the verdict */ \
	X(CLOSED, "closed_connection")        /* came after we hung up */        \
	X(CATALOG_REFUSED, "catalog_refused") /* the store's checks */           \
	X(SAMPLE_REFUSED, "sample_refused")                                      \
	X(STALE, "unknown_revision")                                             \
	X(TOO_MANY_NODES, "too_many_nodes")                                      \
	X(NO_MEMORY, "no_memory")

/* Why connections ended. */
#define TALLY_ENDS(X)                                                                   \
	X(PEER, "peer") /* it hung up; or an oversize message */                        \
	X(SILENT, "silent")                                                             \
	X(REPLACED, "replaced") /* a newer one speaks for its node */                   \
	X(HELLO_REFUSED, "hello_refused")                                               \
	X(NO_HELLO, "no_hello")         /* in time */                                   \
	X(BEFORE_HELLO, "before_hello") /* said something else first */                 \
	X(NODE_CHANGED, "node_changed")                                                 \
	X(TOO_MUCH_HELD, "too_much_held") /* before the verdict on its token */         \
	X(NO_VERDICT, "no_verdict")       /* after several reviews */                   \
	X(TOKEN_EXPIRED, "token_expired") /* and no fresh one came */                   \
	X(TOKEN_REVOKED, "token_revoked") /* a later review said no */                  \
	X(POD_GONE, "pod_gone")           /* so did one because of its pod */           \
	X(STALE, "unknown_revision")      /* for so long that only a new start helps */ \
	X(TOO_MANY, "too_many_connections")

enum tally_kind {
#define X(symbol, label) TALLY_KIND_##symbol,
	TALLY_KINDS(X)
#undef X
		TALLY_KIND_COUNT
};

enum tally_drop {
#define X(symbol, label) TALLY_DROP_##symbol,
	TALLY_DROPS(X)
#undef X
		TALLY_DROP_COUNT
};

enum tally_end {
#define X(symbol, label) TALLY_END_##symbol,
	TALLY_ENDS(X)
#undef X
		TALLY_END_COUNT
};

struct tally {
	struct telemetry_series *messages[TALLY_KIND_COUNT];
	struct telemetry_series *dropped[TALLY_DROP_COUNT];
	struct telemetry_series *ended[TALLY_END_COUNT];
	struct telemetry_series *received_bytes, *opened, *connections, *handshakes_cut;
	struct telemetry_histogram *ages;
	struct telemetry_series *ahead;
	struct telemetry_series *held_bytes, *reloads, *stale_certificates;
};

/* Registers all series; see telemetry_counter(). */
void tally_register(struct tally *tally, struct telemetry *telemetry);

/* Of a sample that is taken now. */
void tally_sample_age(const struct tally *tally, uint64_t timestamp_ms);

#endif
