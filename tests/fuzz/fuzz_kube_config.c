/* A kubeconfig file of any bytes: the YAML as a tree, and what is taken from it. */
#include "aggregator/kube/kube_config.h"
#include "aggregator/kube/yaml_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;
	struct kube_config config;
	struct yaml_node *tree;
	struct error err;
	char path[64];

	tree = yaml_tree_parse(data, size, &err);
	yaml_tree_free(tree);
	if (file < 0)
		file = memfd_create("kubeconfig", 0);
	if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (kube_config_load(path, &config, &err) == 0) {
		if (!tree || !config.server)
			abort();
		kube_config_free(&config);
	}
	return 0;
}
