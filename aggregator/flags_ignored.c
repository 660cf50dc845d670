#include "aggregator/flags_ignored.h"

#define KUBELET   "no kubelet is asked, agents read the kernel's counters themselves"
#define KLOG      "the log has one form; --log-level says how much of it"
#define AUDIT     "there is no audit log here; kube-apiserver has the requests that it passes on"
#define PROFILE   "there is no profiling port"
#define HTTP2     "the API speaks HTTP/1.1"
#define SUITES    "OpenSSL's own choice is offered; --tls-min-version can be raised"
#define READ_ONLY "nothing here is written"
#define OTHER     "it has no meaning here"

#define VALUE(flag, why)                            \
	{                                           \
		flag, OPTION_IGNORED, .help = (why) \
	}
#define SWITCH(flag, why)                                  \
	{                                                  \
		flag, OPTION_IGNORED_SWITCH, .help = (why) \
	}

const struct option_spec FLAGS_IGNORED[] = {
	VALUE("metric-resolution", "agents push every second"),
	VALUE("kubelet-port", KUBELET),
	VALUE("kubelet-preferred-address-types", KUBELET),
	VALUE("kubelet-certificate-authority", KUBELET),
	VALUE("kubelet-certificate-authority-text", KUBELET),
	VALUE("kubelet-client-certificate", KUBELET),
	VALUE("kubelet-client-key", KUBELET),
	VALUE("kubelet-request-timeout", KUBELET),
	SWITCH("kubelet-insecure-tls", KUBELET),
	SWITCH("kubelet-use-node-status-port", KUBELET),
	SWITCH("deprecated-kubelet-completely-insecure", KUBELET),

	SWITCH("authentication-skip-lookup",
		"flags that are given win over the ConfigMap, which is read where one is not"),
	SWITCH("authentication-tolerate-lookup-failure",
		"the ConfigMap is waited for, and nobody is believed by what it does not say"),

	VALUE("tls-cipher-suites", SUITES),
	VALUE("tls-curve-preferences", SUITES),
	VALUE("tls-sni-cert-key", "one certificate is served under every name"),
	VALUE("http2-max-streams-per-connection", HTTP2),
	SWITCH("disable-http2-serving", HTTP2),
	SWITCH("permit-address-sharing", OTHER),
	SWITCH("permit-port-sharing", OTHER),

	VALUE("advertise-address", OTHER),
	VALUE("cors-allowed-origins", "browsers reach this API through kube-apiserver"),
	VALUE("external-hostname", OTHER),
	VALUE("strict-transport-security-directives", OTHER),
	VALUE("goaway-chance", HTTP2),
	VALUE("livez-grace-period", "it is live as soon as it answers"),
	VALUE("max-mutating-requests-inflight", READ_ONLY),
	VALUE("min-request-timeout", "there is no watch"),
	VALUE("request-timeout", "answers take milliseconds; a client that does not read is cut"),
	SWITCH("shutdown-send-retry-after", OTHER),
	VALUE("shutdown-watch-termination-grace-period", "there is no watch"),
	VALUE("storage-initialization-timeout", OTHER),
	VALUE("feature-gates", OTHER),
	VALUE("debug-socket-path", PROFILE),
	SWITCH("enable-priority-and-fairness", "--max-requests-inflight bounds requests"),
	SWITCH("contention-profiling", PROFILE),
	SWITCH("profiling", PROFILE),

	VALUE("audit-log-path", AUDIT),
	VALUE("audit-log-batch-buffer-size", AUDIT),
	VALUE("audit-log-batch-max-size", AUDIT),
	VALUE("audit-log-batch-max-wait", AUDIT),
	VALUE("audit-log-batch-throttle-burst", AUDIT),
	SWITCH("audit-log-batch-throttle-enable", AUDIT),
	VALUE("audit-log-batch-throttle-qps", AUDIT),
	VALUE("audit-log-format", AUDIT),
	VALUE("audit-log-maxage", AUDIT),
	VALUE("audit-log-maxbackup", AUDIT),
	VALUE("audit-log-maxsize", AUDIT),
	VALUE("audit-log-mode", AUDIT),
	SWITCH("audit-log-truncate-enabled", AUDIT),
	VALUE("audit-log-truncate-max-batch-size", AUDIT),
	VALUE("audit-log-truncate-max-event-size", AUDIT),
	VALUE("audit-log-version", AUDIT),
	SWITCH("audit-log-compress", AUDIT),
	VALUE("audit-policy-file", AUDIT),
	VALUE("audit-webhook-batch-buffer-size", AUDIT),
	VALUE("audit-webhook-batch-max-size", AUDIT),
	VALUE("audit-webhook-batch-max-wait", AUDIT),
	VALUE("audit-webhook-batch-throttle-burst", AUDIT),
	SWITCH("audit-webhook-batch-throttle-enable", AUDIT),
	VALUE("audit-webhook-batch-throttle-qps", AUDIT),
	VALUE("audit-webhook-config-file", AUDIT),
	VALUE("audit-webhook-initial-backoff", AUDIT),
	VALUE("audit-webhook-mode", AUDIT),
	SWITCH("audit-webhook-truncate-enabled", AUDIT),
	VALUE("audit-webhook-truncate-max-batch-size", AUDIT),
	VALUE("audit-webhook-truncate-max-event-size", AUDIT),
	VALUE("audit-webhook-version", AUDIT),

	VALUE("v", KLOG),
	VALUE("vmodule", KLOG),
	VALUE("logging-format", KLOG),
	VALUE("log-flush-frequency", KLOG),
	VALUE("log-json-info-buffer-size", KLOG),
	SWITCH("log-json-split-stream", KLOG),
	VALUE("log-text-info-buffer-size", KLOG),
	SWITCH("log-text-split-stream", KLOG),
	SWITCH("logtostderr", KLOG),
	SWITCH("alsologtostderr", KLOG),
	VALUE("stderrthreshold", KLOG),
};

const size_t FLAGS_IGNORED_COUNT = sizeof(FLAGS_IGNORED) / sizeof(FLAGS_IGNORED[0]);
