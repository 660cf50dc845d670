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

static const char *hash_text(size_t number, char text[11])
{
	(void)snprintf(text, 11, "%010zx", number * 0x9e3779b9 & 0xffffffffff);
	return text;
}

void many_pods_put(struct store *store, size_t p, size_t namespaces)
{
	size_t kind = p % 10, owner = kind < 6 ? p / 100 * 6 + kind : p / 50;
	char uid[MANY_PODS_UID_SIZE], job[MANY_PODS_UID_SIZE], namespace[32], name[80], app[40],
		revision[11], number[16];
	struct label label[] = {
		{"app.kubernetes.io/component", "server"},
		{"app.kubernetes.io/instance", app},
		{"app.kubernetes.io/managed-by", "Helm"},
		{"app.kubernetes.io/name", app},
		{"app.kubernetes.io/version", "1.27.3"},
		{"pod-template-hash", revision},
		{"team", "payments"},
	};
	struct labels labels = {label, 7};
	const struct store_pod_metadata pod = {namespace, name, uid, uid, &labels};

	many_pods_uid(p, uid);
	(void)snprintf(namespace, sizeof(namespace), "namespace-%03zu", owner % namespaces);
	(void)snprintf(app, sizeof(app), "service-%zu", owner);
	(void)snprintf(
		name, sizeof(name), "%s-%s-%05zx", app, hash_text(owner, revision), p & 0xfffff);
	(void)snprintf(number, sizeof(number), "%zu", p / 10 % 5);
	if (kind == 6 || kind == 7) {
		(void)snprintf(app, sizeof(app), "daemon-%zu", kind);
		(void)snprintf(name, sizeof(name), "%s-%05zx", app, p);
		label[5] = (struct label){"controller-revision-hash", "7c9f4b6d5b"};
		label[6] = (struct label){"pod-template-generation", "3"};
		strcpy(namespace, "kube-system");
		labels = (struct labels){label + 3, 4};
	} else if (kind == 8) {
		label[4] = (struct label){"apps.kubernetes.io/pod-index", number};
		label[5] = (struct label){"controller-revision-hash", revision};
		label[6] = (struct label){"statefulset.kubernetes.io/pod-name", name};
		(void)snprintf(name, sizeof(name), "%s-%s", app, number);
	} else if (kind == 9) {
		many_pods_uid(p + 1000000, job);
		label[3] = (struct label){"batch.kubernetes.io/controller-uid", job};
		label[4] = (struct label){"batch.kubernetes.io/job-name", name};
		label[5] = (struct label){"controller-uid", job};
		label[6] = (struct label){"job-name", name};
		labels = (struct labels){label + 3, 4};
	}
	assert_int_equal(store_put_pod(store, &pod, NULL), 0);
}
