/* A Catalog of many pods. Fails the running cmocka test when memory is short. */
#ifndef HARNESS_CROWD_H
#define HARNESS_CROWD_H

#include "proto/tacho.pb-c.h"

#include <stddef.h>

struct crowd {
	Tacho__V1__Catalog message; /* of revision 1 */
	Tacho__V1__Pod *pod, **pods;
	Tacho__V1__Container *container, **containers;
	char (*name)[32]; /* of the pods, then of the containers */
};

/* `pods` pods p<first>, … of `containers` containers c000000, … each, whose uids and ids are their
 * names. */
void crowd_make(
	struct crowd *crowd, const char *namespace, size_t first, size_t pods, size_t containers);
void crowd_free(struct crowd *crowd);

#endif
