package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestClient(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 1<<20)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Remote-User") != "hpa" || r.Header.Get("Accept") != Protobuf:
			http.Error(w, "who?", http.StatusUnauthorized)
		case r.URL.Path == "/slow":
			_, _ = w.Write(big)
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
			_, _ = w.Write(big)
		}
	}))
	defer server.Close()
	config := &tls.Config{InsecureSkipVerify: true}
	client := NewClient(server.URL, config, http.Header{"X-Remote-User": {"hpa"}})
	defer client.Close()
	answer, err := client.Get(context.Background(), "/slow", Protobuf)
	if err != nil || len(answer.Body) != 2<<20 {
		t.Fatalf("%v: %d bytes", err, len(answer.Body))
	}
	if gap := answer.At(len(answer.Body)).Sub(answer.At(1)); gap < 50*time.Millisecond {
		t.Errorf("the last byte came %s after the first", gap)
	}
	if answer.First.Before(answer.Begin) || answer.Took() < 50*time.Millisecond {
		t.Errorf("it took %s", answer.Took())
	}
	other := NewClient(server.URL, config, nil)
	defer other.Close()
	if _, err := other.Get(context.Background(), "/", Protobuf); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("refused: %v", err)
	}
}

func TestSampler(t *testing.T) {
	body := encode(t, samplePods())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	client := NewClient(server.URL, nil, nil)
	defer client.Close()
	sampler := &Sampler{}
	run := func(target string, pods int) Ages {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		sampler.Run(ctx, client, []string{target}, pods, 100)
		return sampler.Take()
	}
	if ages := run("/good", 2); ages.Asked < 3 || ages.Failed != 0 || ages.AgeMS.Count != 3*ages.Asked {
		t.Errorf("%+v", ages)
	}
	if ages := run("/good", 10); ages.Asked < 3 || ages.Failed != ages.Asked || ages.AgeMS.Count != 0 {
		t.Errorf("%+v", ages)
	}
	if ages := run("/bad", 2); ages.Failed != ages.Asked || len(ages.Failures) == 0 {
		t.Errorf("%+v", ages)
	}
	if ages := sampler.Take(); ages.Asked != 0 || ages.AgeMS.Count != 0 {
		t.Errorf("%+v", ages)
	}
}
