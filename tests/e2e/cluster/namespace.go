package cluster

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NamespaceReady tells whether pods can be made in a namespace.
func (c *Cluster) NamespaceReady(ctx context.Context, name string) error {
	if _, err := c.Client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	_, err := c.Client.CoreV1().ConfigMaps(name).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	return err
}

// MakeNamespace makes a namespace and waits until pods can be made in it.
func (c *Cluster) MakeNamespace(ctx context.Context, name string) error {
	namespace := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.Client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return err
	}
	return Wait(ctx, 30*time.Second, "namespace "+name, func() error {
		return c.NamespaceReady(ctx, name)
	})
}
