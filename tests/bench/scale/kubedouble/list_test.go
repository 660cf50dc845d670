package kubedouble

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tacho.test/bench/scale/world"
)

func TestListPods(t *testing.T) {
	s, of := start(t, 30, Options{})
	// At 0 the watch cache answers, which ignores the limit.
	for _, query := range []string{"?resourceVersion=0&limit=500&" + running, "?" + running, "",
		"?resourceVersionMatch=NotOlderThan&resourceVersion=" + fmt.Sprint(of.Version())} {
		list := getList(t, s, "/api/v1/pods"+query)
		if list.ResourceVersion != fmt.Sprint(of.Version()) || list.Continue != "" {
			t.Errorf("%s: %+v", query, list.ListMeta)
		}
		samePods(t, byUID(list.Items), of)
	}
	if counts := s.Counts()[ListPods]; counts.Requests != 4 || counts.Objects != 4*900 || counts.Peak != 1 {
		t.Errorf("%+v", counts)
	}
}

// It is no cheaper to read than a real one, and has what is not to be read.
func TestManagedFields(t *testing.T) {
	for bytes, want := range map[int][2]int{-1: {0, 0}, 500: {300, 700}, 0: {900, 1400}, 4000: {3600, 4400}} {
		s, _ := start(t, 1, Options{ManagedFields: bytes})
		for _, resource := range []string{"pods", "nodes"} {
			object := getList(t, s, "/api/v1/"+resource).Items[0]
			size := 0
			for i := range object.ManagedFields {
				size += object.ManagedFields[i].Size()
			}
			if size < want[0] || size > want[1] {
				t.Errorf("%s, %d: %d bytes", resource, bytes, size)
			}
		}
	}
}

func TestListNodes(t *testing.T) {
	s, of := start(t, 30, Options{})
	list := getList(t, s, "/api/v1/nodes?resourceVersion=0&limit=500")
	if len(list.Items) != 30 || list.Items[7].Name != "node-00007" ||
		string(list.Items[7].UID) != of.Node("node-00007").UID ||
		list.Items[7].Labels["kubernetes.io/hostname"] != "node-00007" {
		t.Errorf("%d nodes, %+v", len(list.Items), list.Items[7])
	}
	zone := url.QueryEscape("topology.kubernetes.io/zone=eu-central-1b")
	if list = getList(t, s, "/api/v1/nodes?labelSelector="+zone); len(list.Items) != 10 {
		t.Errorf("%d nodes in a zone", len(list.Items))
	}
}

// Pages are of one version, whatever happens meanwhile.
func TestPages(t *testing.T) {
	s, of := start(t, 30, Options{})
	churner := of.NewChurner(world.Churn{PodsPerSecond: 100})
	before := of.Snapshot()
	seen := map[string]*metav1.PartialObjectMetadata{}
	path := "/api/v1/pods?limit=100&" + running
	pages := 0
	for query := ""; ; pages++ {
		list := getList(t, s, path+query)
		if list.ResourceVersion != fmt.Sprint(before.Version) {
			t.Errorf("page %d is of %s", pages, list.ResourceVersion)
		}
		for uid, object := range byUID(list.Items) {
			seen[uid] = object
		}
		churner.Step(time.Second)
		if list.Continue == "" {
			break
		}
		if *list.RemainingItemCount != int64(900-len(seen)) {
			t.Errorf("page %d: %d remain", pages, *list.RemainingItemCount)
		}
		query = "&continue=" + list.Continue
	}
	if pages != 8 || len(seen) != 900 {
		t.Errorf("%d pages, %d pods", pages+1, len(seen))
	}
	for _, pod := range before.Pods {
		if seen[pod.UID] == nil {
			t.Errorf("%s was not listed", pod.Name)
		}
	}
	exact := getList(t, s, fmt.Sprintf("/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=%d", before.Version))
	if len(exact.Items) != 900 || exact.ResourceVersion != fmt.Sprint(before.Version) {
		t.Errorf("%d pods at %s", len(exact.Items), exact.ResourceVersion)
	}
}

func TestPagesExpire(t *testing.T) {
	s, _ := start(t, 30, Options{})
	first := getList(t, s, "/api/v1/pods?limit=100")
	s.ForgetHistory()
	wantStatus(t, s, "/api/v1/pods?limit=100&continue="+first.Continue, listAccept,
		http.StatusGone, metav1.StatusReasonExpired)
	if s.Counts()[ListPods].Gone != 1 {
		t.Errorf("%+v", s.Counts())
	}
}

func TestRefused(t *testing.T) {
	s, of := start(t, 1, Options{})
	for _, query := range []string{
		"resourceVersion=x", "limit=-1", "labelSelector=a%3D%3D%3D", "fieldSelector=spec.nodeName%3Dx", "continue=zzz",
		"continue=" + place{"v9", 1, "a"}.token(), "resourceVersionMatch=Odd", "resourceVersionMatch=Exact",
		"sendInitialEvents=true", "watch=true&sendInitialEvents=true", "watch=1&resourceVersionMatch=NotOlderThan",
		"continue=" + place{metaVersion, 1, "a"}.token() + "&resourceVersion=5", "timeoutSeconds=soon",
	} {
		wantStatus(t, s, "/api/v1/pods?"+query, listAccept, http.StatusBadRequest, metav1.StatusReasonBadRequest)
	}
	wantStatus(t, s, "/api/v1/nodes?"+running, listAccept, http.StatusBadRequest, metav1.StatusReasonBadRequest)
	future := fmt.Sprint(of.Version() + 1)
	for _, query := range []string{"resourceVersion=", "watch=true&resourceVersion="} {
		wantStatus(t, s, "/api/v1/pods?"+query+future, listAccept, http.StatusGatewayTimeout, metav1.StatusReasonTimeout)
	}
	wantStatus(t, s, "/api/v1/pods", protobufType, http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable)
	wantStatus(t, s, "/api/v1/services", listAccept, http.StatusNotFound, metav1.StatusReasonNotFound)
	if response, _ := get(t, s, "/api/v1/pods", "application/json"); response.StatusCode != http.StatusNotAcceptable {
		t.Errorf("JSON: %d", response.StatusCode)
	}
	s.token = "another"
	wantStatus(t, &Server{listener: s.listener, servingCA: s.servingCA, token: "x"}, "/api/v1/pods", listAccept,
		http.StatusUnauthorized, metav1.StatusReasonUnauthorized)
}
