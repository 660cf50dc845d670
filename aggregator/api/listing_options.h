/* What is asked of a listing, and how far it is: what listing.h and its writers have in common. */
#ifndef API_LISTING_OPTIONS_H
#define API_LISTING_OPTIONS_H

#include "aggregator/api/field_selector.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/store/store.h"

#include <stddef.h>
#include <stdint.h>

enum listing_resource {
	LISTING_NODES,
	LISTING_PODS,
};

enum listing_include { /* Table's includeObject */
	LISTING_INCLUDE_METADATA,
	LISTING_INCLUDE_OBJECT,
	LISTING_INCLUDE_NONE,
};

/* Bytes that a page has when it is full, plus at most one item. */
#define LISTING_PAGE (64U * 1024)

struct gather_room;
struct custom_metric;

struct listing_options {
	struct store *store;
	struct gather_room *room; /* of all lists in protobuf; NULL: none */
	size_t spare;             /* bytes at the beginning of each `out` that are not the list's */
	enum listing_resource resource;
	const char *version; /* "v1" or "v1beta1" */
	/* Not NULL: this one figure of each, for custom.metrics.k8s.io; always a list. Copied. */
	const struct custom_metric *custom;
	const char *namespace; /* NULL: all; always NULL for nodes */
	const char *name;      /* one object; NULL: a list */
	struct representation as;
	enum listing_include include;
	struct label_selector *labels; /* the listing takes both over; NULL: everything */
	struct field_selector *fields;
	uint64_t now_realtime_ns; /* creationTimestamp of every object */
};

enum listing_state {
	LISTING_MORE,      /* a page was written (or, while it only searched or counted, nothing);
			    * another will come */
	LISTING_END,       /* what was written (may be nothing) is the last of it */
	LISTING_NOT_FOUND, /* one object was asked for and is not served; nothing was written */
	LISTING_FAILED,    /* memory is short, or a list in protobuf outgrew the length that it was
			    * declared with; what went out before can't be completed */
};

#endif
