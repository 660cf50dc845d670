#include "aggregator/store/catalog_check.h"

#include "aggregator/store/object_name.h"
#include "aggregator/store/store.h"

#include <errno.h>

static int check_containers(
	const Tacho__V1__Pod *pod, struct catalog_extent *extent, struct error *err)
{
	for (size_t i = 0; i < pod->n_containers; i++) {
		const Tacho__V1__Container *container = pod->containers[i];
		int r = object_name_check("a container's name", catalog_text(container->name), err);

		if (r == 0)
			r = object_name_check_text(
				"a container's id", catalog_text(container->id), err);
		if (r < 0)
			return r;
		extent->names += catalog_text_size(container->name);
	}
	return 0;
}

static int check_pod(const Tacho__V1__Pod *pod, struct catalog_extent *extent, struct error *err)
{
	int r = object_name_check("its namespace", catalog_text(pod->namespace_), err);

	if (r == 0)
		r = object_name_check("its name", catalog_text(pod->name), err);
	if (r == 0)
		r = object_name_check_text("its uid", catalog_text(pod->uid), err);
	if (r < 0)
		return r;
	if (!*catalog_text(pod->uid))
		return error_set(err, EINVAL, "it has no uid");
	extent->rows += pod->n_containers;
	if (extent->rows > STORE_MAX_CONTAINERS_PER_NODE)
		return error_set(err, E2BIG, "the node has more than %d containers",
			STORE_MAX_CONTAINERS_PER_NODE);
	extent->pod_names += catalog_text_size(pod->namespace_) + catalog_text_size(pod->name);
	extent->uids += catalog_text_size(pod->uid);
	return check_containers(pod, extent, err);
}

int catalog_check(const char *node, const Tacho__V1__Catalog *catalog,
	struct catalog_extent *ret_extent, struct error *err)
{
	const char *architecture = catalog->node ? catalog_text(catalog->node->architecture) : "";
	struct catalog_extent extent = {.pods = catalog->n_pods};
	int r;

	if (!*node)
		return error_set(err, EINVAL, "the node has no name");
	r = object_name_check("the node's name", node, err);
	if (r == 0)
		r = object_name_check("the node's architecture", architecture, err);
	if (r < 0)
		return r;
	if (catalog->revision == 0)
		return error_set(err, EINVAL, "its revision is 0");
	if (extent.pods > STORE_MAX_PODS_PER_NODE)
		return error_set(err, E2BIG, "the node has %zu pods, more than %d", extent.pods,
			STORE_MAX_PODS_PER_NODE);
	extent.names = catalog_text_size(node) + catalog_text_size(architecture);
	for (size_t i = 0; i < catalog->n_pods; i++) {
		r = check_pod(catalog->pods[i], &extent, err);
		if (r < 0)
			return error_context(err, r, "pod %zu", i);
	}
	*ret_extent = extent;
	return 0;
}
