package kubelets

import (
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var nobody = errors.New("nobody's certificate")

// start runs kubelets of 127.1.0.1 and 127.1.0.2; the second has no certificate.
func start(t *testing.T) *Kubelets {
	t.Helper()
	some := httptest.NewUnstartedServer(nil)
	some.StartTLS()
	t.Cleanup(some.Close)
	kubelets, err := Start([]Node{{Name: "a", Address: "127.1.0.1", NanoCores: 1e9},
		{Name: "b", Address: "127.1.0.2"}}, Options{Certificate: func(address string) (*tls.Certificate, error) {
		if address != "127.1.0.1" {
			return nil, nobody
		}
		return &some.TLS.Certificates[0], nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kubelets.Stop)
	return kubelets
}

func read(t *testing.T, kubelets *Kubelets, address, path, encoding string) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s:%d%s", address, kubelets.Port(), path), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", encoding)
	answer, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body := io.Reader(answer.Body)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	return answer, string(text), err
}

func TestKubelets(t *testing.T) {
	kubelets := start(t)
	for _, encoding := range []string{"gzip", "identity"} {
		answer, text, err := read(t, kubelets, "127.1.0.1", Path, encoding)
		if err != nil {
			t.Fatal(err)
		}
		if compressed := answer.Header.Get("Content-Encoding") == "gzip"; compressed != (encoding == "gzip") {
			t.Errorf("%s was answered by Content-Encoding %q", encoding, answer.Header.Get("Content-Encoding"))
		}
		if !strings.Contains(text, "\nnode_cpu_usage_seconds_total 36") {
			t.Errorf("no node's CPU, an hour old, in\n%s", text)
		}
	}
	if kubelets.Scrapes() != 2 || kubelets.Bytes() == 0 {
		t.Errorf("%d scrapes, %d bytes", kubelets.Scrapes(), kubelets.Bytes())
	}
	if answer, _, err := read(t, kubelets, "127.1.0.1", "/metrics", "gzip"); err != nil || answer.StatusCode != 404 {
		t.Errorf("another path: %v %v", answer, err)
	}
	for _, address := range []string{"127.1.0.2", "127.1.0.3"} {
		if _, _, err := read(t, kubelets, address, Path, "gzip"); err == nil {
			t.Errorf("%s answered", address)
		}
	}
}

func TestAddressTwice(t *testing.T) {
	nodes := []Node{{Name: "a", Address: "127.1.0.1"}, {Name: "b", Address: "127.1.0.1"}}
	if _, err := Start(nodes, Options{}); err == nil || !strings.Contains(err.Error(), "127.1.0.1") {
		t.Errorf("two of one address: %v", err)
	}
}
