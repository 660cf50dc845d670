#include "aggregator/ingest/hello_verdict.h"

#include "aggregator/kube/user.h"

#include <errno.h>
#include <string.h>

/* Kubernetes 1.30 and later (KEP-4193) tell them of a token that is bound to a pod. */
#define EXTRA_NODE_NAME "authentication.kubernetes.io/node-name"
#define EXTRA_POD_UID   "authentication.kubernetes.io/pod-uid"

void hello_verdict_of(const struct token_review_answer *answer, const char *service_account,
	struct hello_verdict *ret_verdict)
{
	const char *name = answer->user && answer->user->name ? answer->user->name : "";
	const char *node = answer->user ? user_extra_value(answer->user, EXTRA_NODE_NAME) : NULL;
	const char *uid = answer->user ? user_extra_value(answer->user, EXTRA_POD_UID) : NULL;
	struct error *reason = &ret_verdict->reason;

	*ret_verdict = (struct hello_verdict){.kind = HELLO_REFUSED};
	if (!answer->authenticated)
		(void)error_set(reason, EACCES, "kube-apiserver does not accept the token: %.200s",
			answer->reason && answer->reason[0] ? answer->reason : "no reason given");
	else if (strcmp(name, service_account) != 0)
		(void)error_set(reason, EACCES, "the token is that of '%.200s', agents are '%s'",
			name, service_account);
	else if (!node)
		(void)error_set(reason, EACCES,
			"the token is bound to no node (want one that is projected into the "
			"agent's pod, and Kubernetes 1.30 or later)");
	else if (!node_name_valid(node))
		(void)error_set(
			reason, EACCES, "the token is bound to '%.64s', which is no node", node);
	else if (uid && strlen(uid) > HELLO_VERDICT_MAX_UID)
		(void)error_set(reason, EACCES, "the token is bound to a pod without a sane uid");
	else
		ret_verdict->kind = HELLO_ACCEPTED;
	if (ret_verdict->kind != HELLO_ACCEPTED)
		return;
	(void)strcpy(ret_verdict->node, node);
	(void)strcpy(ret_verdict->pod_uid, uid ? uid : "");
}
