#include "tests/harness/many_pods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void many_pods_uid(size_t p, char uid[static MANY_PODS_UID_SIZE])
{
	(void)snprintf(uid, MANY_PODS_UID_SIZE, "%08zx-%04zx-4%03zx-a%03zx-%012zx",
		p * 2654435761 & 0xffffffff, p % 65536, p % 4096, p * 7 % 4096,
		p * 0x9e3779b97f & 0xffffffffffff);
}

struct described {
	char uid[MANY_PODS_UID_SIZE], namespace[32], name[80], app[40], revision[11];
	struct label label[7]; /* by name */
	struct labels labels;
};

/* As a pod of a Deployment. */
static void describe(struct described *pod, size_t p, const char *namespace, size_t owner)
{
	const struct label label[] = {
		{"app.kubernetes.io/component", "server"},
		{"app.kubernetes.io/instance", pod->app},
		{"app.kubernetes.io/managed-by", "Helm"},
		{"app.kubernetes.io/name", pod->app},
		{"app.kubernetes.io/version", "1.27.3"},
		{"pod-template-hash", pod->revision},
		{"team", "payments"},
	};

	many_pods_uid(p, pod->uid);
	(void)snprintf(pod->namespace, sizeof(pod->namespace), "%s", namespace);
	(void)snprintf(pod->app, sizeof(pod->app), "service-%zu", owner);
	(void)snprintf(
		pod->revision, sizeof(pod->revision), "%010zx", owner * 0x9e3779b9 & 0xffffffffff);
	(void)snprintf(
		pod->name, sizeof(pod->name), "%s-%s-%05zx", pod->app, pod->revision, p & 0xfffff);
	memcpy(pod->label, label, sizeof(label));
	pod->labels = (struct labels){pod->label, 7};
}

static void put(struct store *store, const struct described *pod)
{
	const struct store_pod_metadata metadata = {
		pod->namespace, pod->name, pod->uid, pod->uid, &pod->labels};

	assert_int_equal(store_put_pod(store, &metadata, NULL), 0);
}

void many_pods_put_of(struct store *store, size_t p, const char *namespace, size_t owner)
{
	struct described pod;

	describe(&pod, p, namespace, owner);
	put(store, &pod);
}

void many_pods_put(struct store *store, size_t p, size_t namespaces)
{
	size_t kind = p % 10, owner = kind < 6 ? p / 100 * 6 + kind : p / 50;
	char job[MANY_PODS_UID_SIZE], number[16], namespace[32];
	struct described pod;
	struct label *label = pod.label;

	(void)snprintf(namespace, sizeof(namespace), "namespace-%03zu", owner % namespaces);
	describe(&pod, p, namespace, owner);
	(void)snprintf(number, sizeof(number), "%zu", p / 10 % 5);
	if (kind == 6 || kind == 7) {
		(void)snprintf(pod.app, sizeof(pod.app), "daemon-%zu", kind);
		(void)snprintf(pod.name, sizeof(pod.name), "%s-%05zx", pod.app, p);
		label[5] = (struct label){"controller-revision-hash", "7c9f4b6d5b"};
		label[6] = (struct label){"pod-template-generation", "3"};
		strcpy(pod.namespace, "kube-system");
		pod.labels = (struct labels){label + 3, 4};
	} else if (kind == 8) {
		label[4] = (struct label){"apps.kubernetes.io/pod-index", number};
		label[5] = (struct label){"controller-revision-hash", pod.revision};
		label[6] = (struct label){"statefulset.kubernetes.io/pod-name", pod.name};
		(void)snprintf(pod.name, sizeof(pod.name), "%s-%s", pod.app, number);
	} else if (kind == 9) {
		many_pods_uid(p + 1000000, job);
		label[3] = (struct label){"batch.kubernetes.io/controller-uid", job};
		label[4] = (struct label){"batch.kubernetes.io/job-name", pod.name};
		label[5] = (struct label){"controller-uid", job};
		label[6] = (struct label){"job-name", pod.name};
		pod.labels = (struct labels){label + 3, 4};
	}
	put(store, &pod);
}
