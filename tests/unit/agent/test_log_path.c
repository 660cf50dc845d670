/* agent/log_path: the kubelet's names of log folders and links, and what is not such a name. */
#include "agent/log_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UID  "0a1b2c3d-1111-2222-3333-444455556666"
#define HASH "0123456789abcdef0123456789abcdef"
#define ID   HASH HASH
#define A63  "a23456789012345678901234567890123456789012345678901234567890123"

static struct log_span span(const char *text)
{
	return (struct log_span){text, strlen(text)};
}

static void parses_the_path_of_a_log(void **state)
{
	static const struct {
		const char *path, *namespace, *pod, *container, *uid; /* namespace NULL: none */
	} CASES[] = {
		{"ns_pod_" UID "/c/0.log", "ns", "pod", "c", UID},
		{"kube-system_kube-apiserver-n1.example.com_" HASH "/kube-apiserver/12.log",
			"kube-system", "kube-apiserver-n1.example.com", "kube-apiserver", HASH},
		{A63 "_p_" UID "/" A63 "/0.log", A63, "p", A63, UID},
		{A63 "x_p_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p_" UID "/" A63 "x/0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c/0.log/", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c/../0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/../0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c/.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c/0.log.gz", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c/a.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "/c", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID "//0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" UID, NULL, NULL, NULL, NULL},
		{"ns_pod/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_x_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"_pod_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns__" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"NS_pod_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"n.s_pod_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"-ns_pod_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_pod-_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_.pod_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p..d_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p.-d_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p-.d_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p\n_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_p\xc3\xa9_" UID "/c/0.log", NULL, NULL, NULL, NULL},
		{"ns_pod_" HASH "0/c/0.log", NULL, NULL, NULL, NULL},
		{"", NULL, NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_owner owner;
		char name[LOG_PATH_SUBDOMAIN_MAX + 1];

		assert_int_equal(
			log_path_parse(span(CASES[i].path), &owner), CASES[i].namespace != NULL);
		if (!CASES[i].namespace)
			continue;
		log_path_copy(name, owner.namespace);
		assert_string_equal(name, CASES[i].namespace);
		log_path_copy(name, owner.pod);
		assert_string_equal(name, CASES[i].pod);
		log_path_copy(name, owner.container);
		assert_string_equal(name, CASES[i].container);
		assert_string_equal(owner.uid, CASES[i].uid);
	}
}

static void bounds_a_pods_name(void **state)
{
	char folder[512];
	struct log_owner owner;

	(void)state;
	memset(folder, 'a', sizeof(folder));
	memcpy(folder, "n_", 2);
	(void)snprintf(folder + 2 + 253, sizeof(folder) - 255, "_%s", UID);
	assert_true(log_path_parse_folder(span(folder), &owner));
	assert_int_equal(owner.pod.length, 253);
	folder[2 + 253] = 'a';
	(void)snprintf(folder + 2 + 254, sizeof(folder) - 256, "_%s", UID);
	assert_false(log_path_parse_folder(span(folder), &owner));
}

static void finds_what_is_below_a_folder(void **state)
{
	(void)state;
	assert_string_equal(log_path_below(span("/var/log/pods/x"), "/var/log/pods").text, "x");
	assert_null(log_path_below(span("/var/log/pods"), "/var/log/pods").text);
	assert_null(log_path_below(span("/var/log/podsx/y"), "/var/log/pods").text);
	assert_null(log_path_below(span("var/log/pods/x"), "/var/log/pods").text);
	assert_null(log_path_below(span("../pods/x"), "/var/log/pods").text);
}

static void reads_the_id_of_a_link(void **state)
{
	static const struct {
		const char *link, *id; /* NULL: not this owner's */
	} CASES[] = {
		{"p.q_ns_a-b-" ID ".log", ID},
		{"p.q_ns_a-b-" HASH ".log", NULL}, /* short, but the name has room */
		{"p.q_ns_a-b-.log", NULL},
		{"p.q_ns_a-b-" ID "0.log", NULL},
		{"p.q_ns_a-b-" ID, NULL},
		{"p.q_ns_a-" ID ".log", NULL},
		{"p.q_ns_x-b-" ID ".log", NULL},
		{"x_ns_a-b-" ID ".log", NULL},
		{"p.q_ns_a-b.log", NULL},
		{".log", NULL},
		{"", NULL},
	};
	struct log_owner owner;

	(void)state;
	assert_true(log_path_parse(span("ns_p.q_" UID "/a-b/0.log"), &owner));
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_span id = {"", 0};

		assert_int_equal(
			log_path_link_id(span(CASES[i].link), &owner, &id), CASES[i].id != NULL);
		if (CASES[i].id) {
			assert_int_equal(id.length, strlen(CASES[i].id));
			assert_memory_equal(id.text, CASES[i].id, id.length);
		}
	}
}

/* Makes the link's name as the kubelet does, for a pod with a name of `pod_length`. */
static void reads_what_is_left_of_a_cut_id(void **state)
{
	(void)state;
	for (size_t pod_length = 150; pod_length < 254; pod_length++) {
		char pod[254], path[512], link[1024];
		size_t prefix = pod_length + strlen("_ns_cont-");
		struct log_span id = {NULL, 99};
		struct log_owner owner;

		memset(pod, 'p', pod_length);
		pod[pod_length] = '\0';
		(void)snprintf(path, sizeof(path), "ns_%s_%s/cont/0.log", pod, UID);
		(void)snprintf(link, sizeof(link), "%s_ns_cont-%s", pod, ID);
		memcpy(link + (strlen(link) < 251 ? strlen(link) : 251), ".log", 5);
		assert_true(strlen(link) <= 255);
		assert_true(log_path_parse(span(path), &owner));
		assert_true(log_path_link_id(span(link), &owner, &id));
		assert_int_equal(id.length, prefix >= 251       ? 0
					    : 251 - prefix > 64 ? 64
								: 251 - prefix);
		assert_memory_equal(id.text, ID, id.length);
		assert_int_equal(
			log_path_is_cut_away(2, pod_length, 4), id.length < LOG_PATH_DIGITS_MIN);
		/* a cut id has digits only, and a cut name is the owner's */
		link[id.length > 0 ? 250 : 0] = 'X';
		assert_false(strlen(link) == 255 && log_path_link_id(span(link), &owner, &id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_the_path_of_a_log),
		cmocka_unit_test(bounds_a_pods_name),
		cmocka_unit_test(finds_what_is_below_a_folder),
		cmocka_unit_test(reads_the_id_of_a_link),
		cmocka_unit_test(reads_what_is_left_of_a_cut_id),
	};

	return cmocka_run_group_tests_name("log_path", tests, NULL, NULL);
}
