package token

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestBack(t *testing.T) {
	want := New("ns", "agent", &Object{"p", "u1"}, &Object{"n", "u2"}, time.Unix(1_800_000_000, 0), time.Hour)
	text := want.Sign()
	got, err := Read(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if len(text) < 800 || len(text) > 2000 {
		t.Errorf("%d bytes: Kubernetes' have about a thousand", len(text))
	}
	for _, c := range text {
		if c <= ' ' || c > '~' || c == '=' {
			t.Errorf("there is %q in it", c)
		}
	}
}

func TestNoToken(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for _, text := range []string{
		"", ".", "a.b", "..", "a.b.c.d", "a.?.c", "a." + encode([]byte("[]")) + ".c",
		"a." + encode([]byte("{")) + ".c", strings.Repeat(".", 100),
	} {
		if _, err := Read(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
