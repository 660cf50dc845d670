package kubedouble

import (
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tacho.test/bench/scale/world"
)

// maker makes the metadata of the world's objects as kube-apiserver has it.
type maker struct {
	podFields, nodeFields []metav1.ManagedFieldsEntry // shared by all
}

// fieldsOf is a fieldset of about so many bytes: paths of a pod's or node's fields.
func fieldsOf(bytes int, prefix string) *metav1.FieldsV1 {
	text := strings.Builder{}
	text.WriteString(`{"f:metadata":{"f:labels":{".":{},"f:app.kubernetes.io/name":{}}},"` + prefix + `":{`)
	for i := 0; ; i++ {
		entry := `"k:{\"type\":\"Condition` + strconv.Itoa(i) + `\"}":{".":{},"f:status":{}}`
		if text.Len()+len(entry)+3 > bytes && i > 0 {
			break
		}
		if i > 0 {
			text.WriteString(",")
		}
		text.WriteString(entry)
	}
	text.WriteString("}}")
	return metav1.NewFieldsV1(text.String())
}

func managedFields(bytes int, manager, prefix string) []metav1.ManagedFieldsEntry {
	if bytes == 0 {
		return nil
	}
	at := metav1.NewTime(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	entry := func(manager, subresource, prefix string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &at,
			FieldsType: "FieldsV1", FieldsV1: fieldsOf(bytes/2, prefix), Subresource: subresource,
		}
	}
	return []metav1.ManagedFieldsEntry{entry(manager, "", prefix), entry("kubelet", "status", "f:status")}
}

func newMaker(bytes int) *maker {
	return &maker{
		podFields:  managedFields(bytes, "kube-controller-manager", "f:spec"),
		nodeFields: managedFields(bytes, "cloud-controller-manager", "f:spec"),
	}
}

func ownersOf(pod *world.Pod) []metav1.OwnerReference {
	yes := true
	api := "apps/v1"
	if pod.Revision.Workload.Kind == world.Job {
		api = "batch/v1"
	}
	return []metav1.OwnerReference{{
		APIVersion: api, Kind: pod.Revision.OwnerKind(), Name: pod.Revision.OwnerName,
		UID: types.UID(pod.Revision.OwnerUID), Controller: &yes, BlockOwnerDeletion: &yes,
	}}
}

func (m *maker) pod(pod *world.Pod, version uint64) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name:              pod.Name,
		GenerateName:      pod.Revision.GenerateName(),
		Namespace:         pod.Namespace,
		UID:               types.UID(pod.UID),
		ResourceVersion:   strconv.FormatUint(version, 10),
		CreationTimestamp: metav1.NewTime(pod.Created),
		Labels:            pod.Labels(),
		OwnerReferences:   ownersOf(pod),
		ManagedFields:     m.podFields,
	}}
	if pod.Leaving {
		gone, grace := metav1.NewTime(pod.Created), int64(30)
		object.DeletionTimestamp, object.DeletionGracePeriodSeconds = &gone, &grace
	}
	return object
}

func (m *maker) node(node *world.Node, version uint64) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name:              node.Name,
		UID:               types.UID(node.UID),
		ResourceVersion:   strconv.FormatUint(version, 10),
		CreationTimestamp: metav1.NewTime(node.Created),
		Labels:            node.Labels,
		Annotations: map[string]string{
			"node.alpha.kubernetes.io/ttl":                           "0",
			"volumes.kubernetes.io/controller-managed-attach-detach": "true",
		},
		ManagedFields: m.nodeFields,
	}}
}

// object is what a watch tells in an event.
func (m *maker) object(event world.Event) *metav1.PartialObjectMetadata {
	if event.Pod != nil {
		return m.pod(event.Pod, event.Version)
	}
	return m.node(event.Node, event.Version)
}

func bookmark(version uint64, initialEnd bool) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.ResourceVersion = strconv.FormatUint(version, 10)
	if initialEnd {
		object.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	return object
}
