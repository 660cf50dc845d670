/* Pods as clusters have them: of Deployments, DaemonSets, StatefulSets and Jobs, named and labelled
 * as those do it. Fails the running cmocka test when the store does not take them. */
#ifndef HARNESS_MANY_PODS_H
#define HARNESS_MANY_PODS_H

#include "aggregator/store/store.h"

#include <stddef.h>

#define MANY_PODS_UID_SIZE 37

void many_pods_uid(size_t p, char uid[static MANY_PODS_UID_SIZE]);

/* Puts pod number `p`, which is of the Deployment "service-OWNER" in the namespace. */
void many_pods_put_of(struct store *store, size_t p, const char *namespace, size_t owner);

/* Puts pod number `p`. Of ten pods six are of Deployments of ten, two of DaemonSets in kube-system,
 * one of a StatefulSet of five, and one of a Job, which has labels that no other pod has. Owners
 * are spread over namespace-000 … */
void many_pods_put(struct store *store, size_t p, size_t namespaces);

#endif
