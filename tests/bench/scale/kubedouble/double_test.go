package kubedouble

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"tacho.test/bench/scale/world"
)

const (
	listAccept = protobufType + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	// As the aggregator asks.
	watchAccept = protobufType + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1;stream=watch"
	running     = "fieldSelector=status.phase%3DRunning"
)

func start(t *testing.T, nodes int, options Options) (*Server, *world.World) {
	t.Helper()
	of, err := world.New(world.Options{Nodes: nodes, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(of, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, of
}

// client has connections of its own.
func client(t *testing.T, s *Server, http2 bool) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.servingCA.PEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func ask(ctx context.Context, c *http.Client, s *Server, method, path, accept, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", accept)
	return c.Do(r)
}

// get is the answer with its whole body.
func get(t *testing.T, s *Server, path, accept string) (*http.Response, []byte) {
	t.Helper()
	response, err := ask(t.Context(), client(t, s, true), s, "GET", path, accept, "")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// open is the object in an envelope.
func open(t *testing.T, body []byte, version, kind string, into interface{ Unmarshal([]byte) error }) {
	t.Helper()
	rest, found := bytes.CutPrefix(body, []byte("k8s\x00"))
	if !found {
		t.Fatalf("no envelope: %q", body)
	}
	var unknown runtime.Unknown
	if err := unknown.Unmarshal(rest); err != nil {
		t.Fatal(err)
	}
	if unknown.APIVersion != version || unknown.Kind != kind {
		t.Fatalf("it is a %s %s", unknown.APIVersion, unknown.Kind)
	}
	if err := into.Unmarshal(unknown.Raw); err != nil {
		t.Fatal(err)
	}
}

func getList(t *testing.T, s *Server, path string) *metav1.PartialObjectMetadataList {
	t.Helper()
	response, body := get(t, s, path, listAccept)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != protobufType {
		t.Fatalf("%s: %d, %s", path, response.StatusCode, body)
	}
	list := &metav1.PartialObjectMetadataList{}
	open(t, body, metaVersion, "PartialObjectMetadataList", list)
	return list
}

func wantStatus(t *testing.T, s *Server, path, accept string, code int, reason metav1.StatusReason) {
	t.Helper()
	response, body := get(t, s, path, accept)
	status := &metav1.Status{}
	open(t, body, "v1", "Status", status)
	if response.StatusCode != code || status.Code != int32(code) || status.Reason != reason {
		t.Errorf("%s: %d, %+v", path, response.StatusCode, status)
	}
}

// --- a watch as a client sees it ----------------------------------------------------------------------

type told struct {
	kind   string
	object *metav1.PartialObjectMetadata
	status *metav1.Status
}

type stream struct {
	t    *testing.T
	body io.ReadCloser
}

func openWatch(t *testing.T, s *Server, c *http.Client, path string) *stream {
	t.Helper()
	response, err := ask(t.Context(), c, s, "GET", path, watchAccept, "")
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", path, response.StatusCode)
	}
	t.Cleanup(func() { response.Body.Close() })
	return &stream{t, response.Body}
}

// next is nil at a clean end.
func (s *stream) next() (*told, error) {
	var length [4]byte
	if _, err := io.ReadFull(s.body, length[:]); err != nil {
		if err == io.EOF {
			return nil, nil
		}
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(s.body, frame); err != nil {
		return nil, err
	}
	var event metav1.WatchEvent
	if err := event.Unmarshal(frame); err != nil {
		return nil, err
	}
	got := &told{kind: event.Type}
	if event.Type == "ERROR" {
		got.status = &metav1.Status{}
		open(s.t, event.Object.Raw, "v1", "Status", got.status)
	} else {
		got.object = &metav1.PartialObjectMetadata{}
		open(s.t, event.Object.Raw, metaVersion, "PartialObjectMetadata", got.object)
	}
	return got, nil
}

func (s *stream) must() *told {
	s.t.Helper()
	got, err := s.next()
	if err != nil || got == nil {
		s.t.Fatalf("no event: %v", err)
	}
	return got
}

// --- comparing ----------------------------------------------------------------------------------------

// sameAs tells whether a list is what the world has, by uid.
func samePods(t *testing.T, objects map[string]*metav1.PartialObjectMetadata, of *world.World) {
	t.Helper()
	all := of.Snapshot()
	if len(objects) != len(all.Pods) {
		t.Errorf("%d pods, not %d", len(objects), len(all.Pods))
	}
	for _, pod := range all.Pods {
		object := objects[pod.UID]
		if object == nil || object.Name != pod.Name || object.Namespace != pod.Namespace ||
			!maps.Equal(object.Labels, pod.Labels()) || object.ResourceVersion != fmt.Sprint(pod.Version) {
			t.Fatalf("pod %s %d is %+v", pod.Name, pod.Version, object)
		}
	}
}

func byUID(items []metav1.PartialObjectMetadata) map[string]*metav1.PartialObjectMetadata {
	objects := map[string]*metav1.PartialObjectMetadata{}
	for i := range items {
		objects[string(items[i].UID)] = &items[i]
	}
	return objects
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: ", what)
		}
	}
}
