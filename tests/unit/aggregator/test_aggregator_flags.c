/* aggregator/flags: defaults of both modes, what goes together, and metrics-server's arguments. */
#include "aggregator/flags.h"

#include "aggregator/flags_ignored.h"
#include "base/clock.h"
#include "tests/harness/log_capture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_ARGUMENTS 24

#define ACCOUNT "--agent-service-account=monitoring/tacho-agent"

static int parse(struct flags *flags, const char *const *arguments, struct error *err)
{
	static char *argv[MAX_ARGUMENTS + 2]; /* the flags point into it */
	static char program[] = "tacho-aggregator";
	int argc = 1;

	argv[0] = program;
	for (; arguments[argc - 1]; argc++) {
		assert_true(argc <= MAX_ARGUMENTS);
		free(argv[argc]);
		argv[argc] = strdup(arguments[argc - 1]);
	}
	return flags_parse(flags, argc, argv, err);
}

static void knows_both_modes_defaults(void **state)
{
	static const char *const STANDALONE[] = {"--standalone", NULL};
	static const char *const CLUSTER[] = {ACCOUNT, NULL};
	static const char *const LESS[] = {"--standalone", "--custom-metrics=false", NULL};
	struct flags flags;
	struct error err;

	(void)state;
	assert_int_equal(parse(&flags, STANDALONE, &err), 0);
	assert_string_equal(flags.bind_address, "127.0.0.1");
	assert_int_equal(flags.listen.count, 1);
	assert_string_equal(flags.listen.item[0], "tls+tcp://127.0.0.1:4460");
	assert_int_equal(flags.tls_min_version, TLS1_2_VERSION);
	assert_int_equal(flags.serving_threads, 0); /* by the CPUs */
	flags_free(&flags);

	assert_int_equal(parse(&flags, CLUSTER, &err), 0);
	assert_string_equal(flags.bind_address, "0.0.0.0");
	assert_string_equal(flags.listen.item[0], "tls+tcp://*:4460");
	assert_string_equal(flags.agent_user, "system:serviceaccount:monitoring:tacho-agent");
	assert_string_equal(flags.agent_audience, "tacho-aggregator");
	assert_int_equal(flags.expiry_ns, 15 * NS_PER_SECOND);
	assert_int_equal(flags.token_ttl_ns, 10 * NS_PER_SECOND);
	assert_true(flags.custom_metrics);
	flags_free(&flags);

	assert_int_equal(parse(&flags, LESS, &err), 0);
	assert_false(flags.custom_metrics);
	flags_free(&flags);
}

/* The arguments of metrics-server's manifest and chart, and then some. */
static void takes_the_arguments_of_metrics_server(void **state)
{
	static const char *const ARGUMENTS[] = {"--cert-dir=/tmp", "--secure-port=10250",
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--kubelet-use-node-status-port", "--metric-resolution=15s",
		"--kubelet-insecure-tls", "--tls-cert-file=/c/tls.crt",
		"--tls-private-key-file=/c/tls.key", "--authorization-always-allow-paths=/metrics",
		"--requestheader-allowed-names=front-proxy-client,other",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-client-ca-file=/c/proxy.crt", "--client-ca-file=/c/ca.crt",
		"--authentication-kubeconfig=/k", "--authorization-kubeconfig=/k",
		"--tls-min-version=VersionTLS13", "-v=2", "-l", "pool=a", ACCOUNT, NULL};
	struct log_capture *capture = log_capture_start();
	struct flags flags;
	struct error err = {""};
	int r = parse(&flags, ARGUMENTS, &err);
	unsigned ignored = log_capture_count(capture, " is ignored: ");
	unsigned kubelet = log_capture_count(capture, " is ignored: no kubelet is asked");

	(void)state;
	log_capture_stop(capture);
	assert_string_equal(err.message, "");
	assert_int_equal(r, 0);
	assert_int_equal(ignored, 5);
	assert_int_equal(kubelet, 3);
	assert_int_equal(flags.secure_port, 10250);
	assert_string_equal(flags.cert_file, "/c/tls.crt");
	assert_string_equal(flags.kubeconfig, "/k");
	assert_string_equal(flags.node_selector, "pool=a");
	assert_int_equal(flags.allowed_names.count, 2);
	assert_string_equal(flags.allowed_names.item[1], "other");
	assert_string_equal(flags.always_allow_paths.item[0], "/metrics");
	assert_int_equal(flags.tls_min_version, TLS1_3_VERSION);
	flags_free(&flags);
}

static void takes_each_ignored_flag_and_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < FLAGS_IGNORED_COUNT; i++) {
		char flag[128], line[512];
		const char *arguments[] = {ACCOUNT, flag, NULL};
		struct log_capture *capture = log_capture_start();
		struct flags flags;
		struct error err;
		unsigned said;
		int r;

		(void)snprintf(flag, sizeof(flag), "--%s%s", FLAGS_IGNORED[i].name,
			FLAGS_IGNORED[i].type == OPTION_IGNORED ? "=x" : "");
		(void)snprintf(line, sizeof(line), "--%s is ignored: %s", FLAGS_IGNORED[i].name,
			FLAGS_IGNORED[i].help);
		r = parse(&flags, arguments, &err);
		said = log_capture_count(capture, line);
		log_capture_stop(capture);
		assert_int_equal(r, 0);
		assert_int_equal(said, 1);
		flags_free(&flags);
	}
}

static void names_what_does_not_go_together(void **state)
{
	static const struct {
		const char *arguments[4];
		const char *message;
	} CASES[] = {
		{{NULL}, "--agent-service-account is missing"},
		{{"--agent-service-account=tacho"}, "\"tacho\" is not NAMESPACE/NAME"},
		{{"--agent-service-account=/tacho"}, "\"/tacho\" is not NAMESPACE/NAME"},
		{{"--agent-service-account=a/b/c"}, "\"a/b/c\" is not NAMESPACE/NAME"},
		{{ACCOUNT, "--agent-audience="}, "--agent-audience is empty"},
		{{ACCOUNT, "--token-file=x"}, "--token-file needs --standalone"},
		{{ACCOUNT, "--write-kubeconfig=x"}, "--write-kubeconfig needs --standalone"},
		{{ACCOUNT, "--agent-secret-file=x"}, "--agent-secret-file needs --standalone"},
		{{ACCOUNT, "--tls-cert-file=x"},
			"--tls-cert-file and --tls-private-key-file go together"},
		{{ACCOUNT, "--agent-tls-private-key-file=x"},
			"--agent-tls-cert-file and --agent-tls-private-key-file go together"},
		{{ACCOUNT, "--tls-min-version=VersionTLS11"},
			"\"VersionTLS11\" is neither VersionTLS12 nor VersionTLS13"},
		{{ACCOUNT, "--kubeconfig=a", "--authentication-kubeconfig=b"},
			"--authentication-kubeconfig=b: one kubeconfig serves for everything, and that is a"},
		{{ACCOUNT, "--authentication-kubeconfig=a", "--authorization-kubeconfig=b"},
			"--authorization-kubeconfig=b: one kubeconfig serves for everything, and that is a"},
		{{ACCOUNT, "--node-selector=a in"},
			"--node-selector: unable to parse requirement: "},
		{{ACCOUNT, "--listen=,"}, "--listen names no address"},
		{{ACCOUNT, "--listen=a,b,c,d,e,f,g,h,i"}, "--listen has more than 8 addresses"},
		{{"--standalone", "--kubeconfig=x"}, "--kubeconfig and --standalone"},
		{{"--standalone", "--bind-address=0.0.0.0"}, "is not a loopback address"},
		{{"--serving-threads=0"}, "--serving-threads"},
		{{"--serving-threads=65"}, "--serving-threads"},
		{{"--kubelet-insecur-tls"}, "did you mean --kubelet-insecure-tls?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct flags flags;
		struct error err;

		assert_int_equal(parse(&flags, CASES[i].arguments, &err), -EINVAL);
		if (!strstr(err.message, CASES[i].message))
			fail_msg("case %zu says: %s", i, err.message);
	}
}

/* Lets socket(2) fail for IPv6 from now on, as a kernel without it does. */
static void forbid_ipv6(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(2);
}

static void does_without_ipv6_where_there_is_none(void **state)
{
	static const char *const ARGUMENTS[] = {
		ACCOUNT, "--bind-address=::", "--listen=tls+tcp://[::]:1,tls+tcp://[::1]:2", NULL};
	struct flags flags;
	struct error err;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(parse(&flags, ARGUMENTS, &err), 0);
	assert_string_equal(flags.bind_address, "::");
	assert_string_equal(flags.listen.item[0], "tls+tcp://[::]:1");
	flags_free(&flags);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		forbid_ipv6();
		_exit(parse(&flags, ARGUMENTS, &err) < 0 ||
			strcmp(flags.bind_address, "0.0.0.0") != 0 ||
			strcmp(flags.listen.item[0], "tls+tcp://0.0.0.0:1") != 0 ||
			strcmp(flags.listen.item[1], "tls+tcp://[::1]:2") != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void needs_nothing_for_help(void **state)
{
	static const char *const ARGUMENTS[] = {"--version", NULL};
	struct flags flags;
	struct error err;

	(void)state;
	assert_int_equal(parse(&flags, ARGUMENTS, &err), 0);
	assert_true(flags.version);
	flags_free(&flags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_both_modes_defaults),
		cmocka_unit_test(takes_the_arguments_of_metrics_server),
		cmocka_unit_test(takes_each_ignored_flag_and_says_why),
		cmocka_unit_test(names_what_does_not_go_together),
		cmocka_unit_test(does_without_ipv6_where_there_is_none),
		cmocka_unit_test(needs_nothing_for_help),
	};

	return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
