package kubedouble

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
)

func TestFiles(t *testing.T) {
	s, _ := start(t, 1, Options{})
	folder := t.TempDir() + "/certs"
	if err := s.WriteFiles(folder); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		pair, ca string
		pem      []byte
		name     string
	}{
		{"serving", "ca.crt", nil, "tacho-aggregator"},
		{"front-proxy", "front-proxy-ca.crt", nil, "front-proxy-client"},
		{"admin", "", s.clientCA.PEM, "admin"},
	} {
		pair, err := tls.LoadX509KeyPair(folder+"/"+row.pair+".crt", folder+"/"+row.pair+".key")
		if err != nil {
			t.Fatal(err)
		}
		if row.ca != "" {
			if row.pem, err = os.ReadFile(folder + "/" + row.ca); err != nil {
				t.Fatal(err)
			}
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(row.pem)
		options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if _, err := pair.Leaf.Verify(options); err != nil || pair.Leaf.Subject.CommonName != row.name {
			t.Errorf("%s: %v, %s", row.pair, err, pair.Leaf.Subject)
		}
	}
}
