#include "aggregator/api/selection.h"

#include "base/clock.h"

/* The promise of listing.h is 1 ms. Half of it leaves time for the last object, and for objects
 * that the store does not show because they are not served. */
#define HOLD_NS   (NS_PER_MS / 2)
#define HOLD_MOST 1024 /* objects */

/* Objects and containers between two looks at the clock: some microseconds. */
#define LOOK_AFTER 64

struct hold {
	const struct selection *selection;
	selection_visitor visitor;
	void *context;
	uint64_t begin_ns;
	uint64_t seen; /* objects and containers since the last look at the clock */
};

static bool selected(const struct selection *selection, const struct object *object)
{
	return (!selection->fields || field_selector_matches(selection->fields, object->namespace,
					      object->name)) &&
	       (!selection->labels || label_selector_matches(selection->labels, object->labels));
}

static bool visit(struct hold *hold, struct object *object)
{
	/* The first object is always looked at, so that each hold gets on. */
	if (hold->seen >= LOOK_AFTER) {
		if (clock_monotonic_ns() >= hold->begin_ns + HOLD_NS)
			return false;
		hold->seen = 0;
	}
	hold->seen += 1 + (uint64_t)object->containers;
	if (!selected(hold->selection, object))
		return true;
	object->hold_ns = hold->begin_ns;
	return hold->visitor(hold->context, object);
}

static bool visit_node(void *context, const struct store_node_view *node)
{
	struct object object = object_of_node(node);

	return visit(context, &object);
}

static bool visit_pod(void *context, const struct store_pod_view *pod)
{
	struct object object = object_of_pod(pod);

	return visit(context, &object);
}

int selection_visit(const struct selection *selection, struct store_cursor *cursor,
	selection_visitor visitor, void *context)
{
	struct hold hold = {
		.selection = selection,
		.visitor = visitor,
		.context = context,
		.begin_ns = clock_monotonic_ns(),
	};

	if (selection->pods)
		return store_visit_pods(selection->store, selection->namespace,
			selection->labels ? label_selector_required(selection->labels) : NULL,
			cursor, HOLD_MOST, visit_pod, &hold);
	return store_visit_nodes(selection->store, cursor, HOLD_MOST, visit_node, &hold);
}

static bool visit_one_node(void *context, const struct store_node_view *node)
{
	struct hold *hold = context;
	struct object object = object_of_node(node);

	return hold->visitor(hold->context, &object);
}

static bool visit_one_pod(void *context, const struct store_pod_view *pod)
{
	struct hold *hold = context;
	struct object object = object_of_pod(pod);

	return hold->visitor(hold->context, &object);
}

bool selection_get(const struct selection *selection, const char *name, selection_visitor visitor,
	void *context)
{
	struct hold hold = {.selection = selection, .visitor = visitor, .context = context};

	if (selection->pods)
		return store_get_pod(
			selection->store, selection->namespace, name, visit_one_pod, &hold);
	return store_get_node(selection->store, name, visit_one_node, &hold);
}

bool selection_is_all_pods(const struct selection *selection)
{
	return selection->pods && !selection->namespace && !selection->labels && !selection->fields;
}
