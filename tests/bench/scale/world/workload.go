package world

import (
	"maps"
	"math/rand/v2"
	"strconv"
)

// Kind of a workload.
type Kind int

// The kinds.
const (
	Deployment Kind = iota
	DaemonSet
	StatefulSet
	Job
)

func (k Kind) String() string {
	return [...]string{"Deployment", "DaemonSet", "StatefulSet", "Job"}[k]
}

// Workload is what makes pods. Its fields never change.
type Workload struct {
	Kind            Kind
	Namespace, Name string
	UID             string
	// Steady ones are left alone by the churn: a selector names the same pods as long as the world
	// stands.
	Steady bool
	// What its selector names: some of its labels.
	Selector map[string]string

	labels map[string]string // of all its pods, but for what the revision adds

	// The world's lock guards them.
	revision *Revision
	pods     []*Pod
}

// Revision is one template of a workload's pods: a ReplicaSet, a ControllerRevision. It never
// changes.
type Revision struct {
	Workload *Workload
	Hash     string
	// The ReplicaSet's; that of the workload for other kinds.
	OwnerName, OwnerUID string
	labels              map[string]string
}

// nextRevision makes the template of the workload's next pods.
func (w *Workload) nextRevision(random *rand.Rand) *Revision {
	revision := &Revision{Workload: w, Hash: suffix(random, 10), OwnerName: w.Name, OwnerUID: w.UID}
	revision.labels = maps.Clone(w.labels)
	switch w.Kind {
	case Deployment:
		revision.Hash = revision.Hash[:8+random.IntN(3)]
		revision.OwnerName = w.Name + "-" + revision.Hash
		revision.OwnerUID = uuid(random)
		revision.labels["pod-template-hash"] = revision.Hash
		revision.labels["app.kubernetes.io/version"] = version(random)
	case DaemonSet:
		revision.labels["controller-revision-hash"] = revision.Hash
		revision.labels["pod-template-generation"] = "1"
	case StatefulSet:
		revision.labels["controller-revision-hash"] = w.Name + "-" + revision.Hash
	case Job:
		revision.labels["batch.kubernetes.io/controller-uid"] = w.UID
		revision.labels["batch.kubernetes.io/job-name"] = w.Name
	}
	w.revision = revision
	return revision
}

// podName is free of numbers that are taken only for a StatefulSet, whose ordinal is given.
func (r *Revision) podName(random *rand.Rand, ordinal int) string {
	if r.Workload.Kind == StatefulSet {
		return r.OwnerName + "-" + strconv.Itoa(ordinal)
	}
	return r.OwnerName + "-" + suffix(random, 5)
}

// GenerateName is what the pods' names begin with; "" of a StatefulSet's in this world.
func (r *Revision) GenerateName() string {
	if r.Workload.Kind == StatefulSet {
		return ""
	}
	return r.OwnerName + "-"
}

// OwnerKind is the kind of what the pods' owner reference names.
func (r *Revision) OwnerKind() string {
	if r.Workload.Kind == Deployment {
		return "ReplicaSet"
	}
	return r.Workload.Kind.String()
}

// Labels of a pod; not to be changed: they are shared.
func (p *Pod) Labels() map[string]string {
	if p.Revision.Workload.Kind != StatefulSet {
		return p.Revision.labels
	}
	labels := make(map[string]string, len(p.Revision.labels)+2)
	maps.Copy(labels, p.Revision.labels)
	labels["statefulset.kubernetes.io/pod-name"] = p.Name
	labels["apps.kubernetes.io/pod-index"] = strconv.Itoa(p.Ordinal)
	return labels
}
