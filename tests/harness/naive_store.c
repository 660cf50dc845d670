#include "tests/harness/naive_store.h"

static const struct label WEB[] = {{"app", "web"}, {"tier", "front"}};
static const struct label DB[] = {{"app", "db"}, {"tier", "back"}};
static const struct label DB_0[] = {
	{"app", "db"}, {"statefulset.kubernetes.io/pod-name", "db-0"}, {"tier", "back"}};
static const struct label DB_1[] = {
	{"app", "db"}, {"statefulset.kubernetes.io/pod-name", "db-1"}, {"tier", "back"}};
static const struct label FRONT[] = {{"tier", "front"}};

const struct labels NAIVE_LABELS[NAIVE_LABEL_SETS] = {
	{NULL, 0}, {WEB, 2}, {DB, 2}, {DB_0, 3}, {DB_1, 3}, {FRONT, 1}};

void naive_catalog(struct naive_store *naive, int node, const struct naive_row row[NAIVE_UIDS])
{
	struct naive_node *to = &naive->node[node];

	if (!to->there)
		to->sampled = false;
	for (int uid = 0; uid < NAIVE_UIDS; uid++) {
		struct naive_row before = to->row[uid];

		to->row[uid] = row[uid];
		if (!row[uid].there)
			continue;
		if (to->there && before.there) {
			to->row[uid].first_seen_ns = before.first_seen_ns;
			to->row[uid].claim = before.claim;
			to->row[uid].has_figures = before.has_figures;
			to->row[uid].cpu = before.cpu;
		} else {
			to->row[uid].first_seen_ns = naive->now_ns;
			to->row[uid].claim = ++naive->claims;
			to->row[uid].has_figures = false;
		}
	}
	to->there = true;
	to->message_ns = naive->now_ns;
}

void naive_sample(struct naive_store *naive, int node, uint64_t first)
{
	struct naive_node *to = &naive->node[node];

	for (int uid = 0; uid < NAIVE_UIDS; uid++) {
		to->row[uid].has_figures = true;
		to->row[uid].cpu = first + (uint64_t)uid;
	}
	to->sampled = true;
	to->message_ns = to->sample_ns = naive->now_ns;
}

void naive_expire(struct naive_store *naive)
{
	for (int node = 0; node < NAIVE_NODES; node++)
		if (naive->now_ns - naive->node[node].message_ns >= naive->expiry_ns)
			naive->node[node].there = false;
}

void naive_put(struct naive_store *naive, int slot, int uid, int cgroup_uid, int labels)
{
	struct naive_pod *pod = &naive->pod[slot];
	bool same = pod->there && pod->uid == uid && pod->cgroup_uid == cgroup_uid;

	*pod = (struct naive_pod){.there = true,
		.marked = true,
		.uid = uid,
		.cgroup_uid = cgroup_uid,
		.labels = labels,
		.order = same ? pod->order : ++naive->orders};
}

/* --- what is served --------------------------------------------------------------------------- */

static bool is_fresh(const struct naive_store *naive, const struct naive_node *node)
{
	return node->there && node->sampled && naive->now_ns - node->sample_ns < naive->expiry_ns &&
	       (node->known || !naive->metadata);
}

bool naive_node_served(const struct naive_store *naive, int node)
{
	return is_fresh(naive, &naive->node[node]);
}

/* Whether another pod of Kubernetes has a better right to the cgroup's uid. */
static bool is_outdone(const struct naive_store *naive, const struct naive_pod *pod)
{
	for (int slot = 0; slot < NAIVE_SLOTS; slot++) {
		const struct naive_pod *other = &naive->pod[slot];
		bool own = pod->uid == pod->cgroup_uid, others = other->uid == other->cgroup_uid;

		if (other == pod || !other->there || other->cgroup_uid != pod->cgroup_uid)
			continue;
		if (others != own ? others : other->order < pod->order)
			return true;
	}
	return false;
}

const struct naive_row *naive_joined(
	const struct naive_store *naive, int slot, const struct naive_node **ret_node)
{
	const struct naive_pod *pod = &naive->pod[slot];
	const struct naive_row *first = NULL;

	if (!pod->there || is_outdone(naive, pod))
		return NULL;
	for (int node = 0; node < NAIVE_NODES; node++) {
		const struct naive_row *row = &naive->node[node].row[pod->cgroup_uid];

		if (!naive->node[node].there || !row->there || (first && first->claim < row->claim))
			continue;
		first = row;
		*ret_node = &naive->node[node];
	}
	return first;
}

/* Of the pods that agents call so, the one that was seen last. */
static const struct naive_row *newest(
	const struct naive_store *naive, int slot, int *ret_uid, const struct naive_node **ret_node)
{
	const struct naive_row *best = NULL;

	for (int uid = 0; uid < NAIVE_UIDS; uid++)
		for (int node = 0; node < NAIVE_NODES; node++) {
			const struct naive_row *row = &naive->node[node].row[uid];

			if (!naive->node[node].there || !row->there || row->slot != slot ||
				(best && row->first_seen_ns <= best->first_seen_ns))
				continue;
			best = row;
			*ret_uid = uid;
			*ret_node = &naive->node[node];
		}
	return best;
}

const struct naive_row *naive_served(const struct naive_store *naive, int slot, int *ret_uid)
{
	const struct naive_node *node = NULL;
	const struct naive_row *row;

	if (naive->metadata) {
		row = naive_joined(naive, slot, &node);
		*ret_uid = naive->pod[slot].uid;
	} else {
		row = newest(naive, slot, ret_uid, &node);
	}
	return row && is_fresh(naive, node) && row->has_figures && !row->incomplete ? row : NULL;
}

size_t naive_contested(const struct naive_store *naive)
{
	size_t contested = 0;

	for (int uid = 0; uid < NAIVE_UIDS; uid++) {
		size_t claims = 0;

		for (int node = 0; node < NAIVE_NODES; node++)
			claims += naive->node[node].there && naive->node[node].row[uid].there;
		contested += claims > 1 ? claims - 1 : 0;
	}
	return contested;
}
