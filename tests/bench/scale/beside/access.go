package beside

import (
	"context"
	"errors"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"tacho.test/e2e/cluster"
)

// Where tacho would be installed, and who its agents are.
const (
	home          = "tacho-system"
	agentAccount  = "tacho-agent"
	agentAudience = "tacho-aggregator"
)

// Those who serve have client certificates in the names of the service accounts that they would be.
const (
	metricsServerUser = "system:serviceaccount:kube-system:metrics-server"
	aggregatorUser    = "system:serviceaccount:" + home + ":tacho-aggregator"
)

// user is someone who asks, as kube-apiserver's proxy says.
type user struct {
	name   string
	groups []string
}

var (
	autoscaler = user{"system:serviceaccount:kube-system:horizontal-pod-autoscaler", []string{
		"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}}
	dashboard = user{"system:serviceaccount:monitoring:dashboard", []string{
		"system:serviceaccounts", "system:serviceaccounts:monitoring", "system:authenticated"}}
	administrator = user{"admin", []string{"system:masters", "system:authenticated"}}
)

// allow gives both servers the rights that their own manifests give them, and the dashboard that of
// reading figures. The HPA has its rights from kube-apiserver.
func allow(ctx context.Context, plane *cluster.Cluster) error {
	roles := plane.Client.RbacV1().ClusterRoles()
	for name, rules := range map[string][]rbacv1.PolicyRule{
		"serve-figures": {
			{APIGroups: []string{""}, Resources: []string{"pods", "nodes"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{""}, Resources: []string{"nodes/metrics"}, Verbs: []string{"get"}}},
		"read-figures": {{APIGroups: []string{"metrics.k8s.io"}, Resources: []string{"pods", "nodes"},
			Verbs: []string{"get", "list", "watch"}}},
	} {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
		if _, err := roles.Create(ctx, role, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return errors.Join(
		bind(ctx, plane, "serve-figures", metricsServerUser, aggregatorUser),
		bind(ctx, plane, "system:auth-delegator", metricsServerUser, aggregatorUser),
		bind(ctx, plane, "read-figures", dashboard.name),
		bindReader(ctx, plane, metricsServerUser, aggregatorUser))
}

func subjects(users []string) (subjects []rbacv1.Subject) {
	for _, name := range users {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name})
	}
	return subjects
}

func bind(ctx context.Context, plane *cluster.Cluster, role string, users ...string) error {
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "beside:" + role},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects: subjects(users)}
	_, err := plane.Client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}

// bindReader lets them read how the front proxy is known.
func bindReader(ctx context.Context, plane *cluster.Cluster, users ...string) error {
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "beside:reader"},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role",
			Name: "extension-apiserver-authentication-reader"},
		Subjects: subjects(users)}
	_, err := plane.Client.RbacV1().RoleBindings("kube-system").Create(ctx, binding, metav1.CreateOptions{})
	return err
}
