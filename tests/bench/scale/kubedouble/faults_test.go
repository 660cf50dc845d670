package kubedouble

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFaults(t *testing.T) {
	s, _ := start(t, 1, Options{})
	s.SetFault(Fault{Rate: 1}, Lists...)
	wantStatus(t, s, "/api/v1/pods", listAccept, http.StatusInternalServerError, metav1.StatusReasonInternalError)
	s.SetFault(Fault{Rate: 1, How: Answer429, RetryAfter: 7}, ListPods)
	wantStatus(t, s, "/api/v1/pods", listAccept, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests)
	response, _ := get(t, s, "/api/v1/pods", listAccept)
	if response.Header.Get("Retry-After") != "7" {
		t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
	}
	wantStatus(t, s, "/api/v1/nodes", listAccept, http.StatusInternalServerError, metav1.StatusReasonInternalError)
	s.SetFault(Fault{}, Lists...)
	getList(t, s, "/api/v1/pods")
	pods, nodes := s.Counts()[ListPods], s.Counts()[ListNodes]
	if pods.Requests != 4 || pods.Failed != 3 || pods.Active != 0 || nodes.Failed != 1 {
		t.Errorf("%+v, %+v", pods, nodes)
	}
	s.ForgetCounts()
	if s.Counts()[ListPods].Requests != 0 {
		t.Errorf("%+v", s.Counts())
	}
}

func TestDelay(t *testing.T) {
	s, _ := start(t, 1, Options{})
	s.SetFault(Fault{Delay: 300 * time.Millisecond}, Lists...)
	began := time.Now()
	getList(t, s, "/api/v1/pods")
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestRate(t *testing.T) {
	s, _ := start(t, 1, Options{})
	s.SetFault(Fault{Rate: 0.5}, Others)
	c := client(t, s, true)
	for range 200 {
		response, err := ask(t.Context(), c, s, "GET", "/version", "*/*", "")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	if counts := s.Counts()[Others]; counts.Requests != 200 || counts.Failed < 60 || counts.Failed > 140 {
		t.Errorf("%+v", counts)
	}
}

// Abort ends one request, Cut all of the connection.
func TestAbortAndCut(t *testing.T) {
	s, of := start(t, 1, Options{})
	c := client(t, s, true)
	w := openWatch(t, s, c, fmt.Sprint("/api/v1/pods?watch=true&resourceVersion=", of.Version()))
	ended := make(chan error)
	go func() {
		_, err := w.next()
		ended <- err
	}()
	s.SetFault(Fault{Rate: 1, How: Abort}, Others)
	if response, err := ask(t.Context(), c, s, "GET", "/version", "*/*", ""); err == nil {
		t.Errorf("an aborted request was answered: %d", response.StatusCode)
	}
	select {
	case err := <-ended:
		t.Errorf("the watch has ended: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	s.SetFault(Fault{Rate: 1, How: Cut}, Others)
	if response, err := ask(t.Context(), c, s, "GET", "/version", "*/*", ""); err == nil {
		t.Errorf("a cut request was answered: %d", response.StatusCode)
	}
	if err := <-ended; err == nil {
		t.Error("the watch on a connection that was cut ended cleanly")
	}
	wait(t, "nothing is under way", func() bool {
		return s.Counts()[WatchPods].Active == 0 && s.Counts()[Others].Active == 0
	})
}

func TestControl(t *testing.T) {
	s, _ := start(t, 1, Options{})
	c := client(t, s, true)
	for query, want := range map[string]int{
		"kind=lists&delay=1ms&rate=1&how=429&retry-after=3": 200,
		"kind=lists":                 200,
		"kind=tokenreviews&rate=0.1": 200,
		"kind=":                      400, "kind=lists&how=7": 400, "kind=lists&rate=x": 400, "kind=lists&delay=3": 400,
	} {
		response, err := ask(t.Context(), c, s, "POST", "/double/fault?"+query, "*/*", "")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %d", query, response.StatusCode)
		}
	}
	s.SetFault(Fault{}, Lists...)
	getList(t, s, "/api/v1/pods")
	response, body := get(t, s, "/double/counts", "*/*")
	if response.StatusCode != 200 || len(body) < 20 {
		t.Errorf("%d, %s", response.StatusCode, body)
	}
}
