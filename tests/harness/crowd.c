#include "tests/harness/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *need(void *memory)
{
	assert_non_null(memory);
	return memory;
}

void crowd_make(
	struct crowd *crowd, const char *namespace, size_t first, size_t pods, size_t containers)
{
	size_t rows = pods * containers;

	crowd->pod = need(calloc(pods + 1, sizeof(*crowd->pod)));
	crowd->pods = need(calloc(pods + 1, sizeof(*crowd->pods)));
	crowd->container = need(calloc(rows + 1, sizeof(*crowd->container)));
	crowd->containers = need(calloc(rows + 1, sizeof(*crowd->containers)));
	crowd->name = need(calloc(pods + rows + 1, sizeof(*crowd->name)));
	tacho__v1__catalog__init(&crowd->message);
	crowd->message.revision = 1;
	crowd->message.n_pods = pods;
	crowd->message.pods = crowd->pods;
	for (size_t p = 0; p < pods; p++) {
		Tacho__V1__Pod *pod = crowd->pods[p] = &crowd->pod[p];

		tacho__v1__pod__init(pod);
		(void)snprintf(crowd->name[p], sizeof(crowd->name[p]), "p%06zu", first + p);
		pod->namespace_ = need(strdup(namespace));
		pod->name = pod->uid = crowd->name[p];
		pod->n_containers = containers;
		pod->containers = &crowd->containers[p * containers];
	}
	for (size_t c = 0; c < rows; c++) {
		Tacho__V1__Container *container = crowd->containers[c] = &crowd->container[c];

		tacho__v1__container__init(container);
		(void)snprintf(
			crowd->name[pods + c], sizeof(crowd->name[0]), "c%06zu", c % containers);
		container->name = container->id = crowd->name[pods + c];
	}
}

void crowd_free(struct crowd *crowd)
{
	for (size_t p = 0; p < crowd->message.n_pods; p++)
		free(crowd->pod[p].namespace_);
	free(crowd->pod);
	free(crowd->pods);
	free(crowd->container);
	free(crowd->containers);
	free(crowd->name);
}
