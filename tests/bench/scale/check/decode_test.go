package check

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"

	v1 "k8s.io/api/core/v1"
)

// encode is what Kubernetes' own code writes.
func encode(t *testing.T, list runtime.Object) []byte {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	body, err := runtime.Encode(protobuf.NewSerializer(scheme, scheme), list)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func usage(cpu, memory string) v1.ResourceList {
	return v1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
}

func samplePods() *v1beta1.PodMetricsList {
	return &v1beta1.PodMetricsList{
		TypeMeta: metav1.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: "PodMetricsList"},
		Items: []v1beta1.PodMetrics{{
			ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "x", Labels: map[string]string{"app": "a"},
				CreationTimestamp: metav1.Unix(5, 0)},
			Timestamp: metav1.Unix(1234, 0), Window: metav1.Duration{Duration: 15 * time.Second},
			Containers: []v1beta1.ContainerMetrics{{Name: "c0", Usage: usage("1234567n", "4096Ki")},
				{Name: "c1", Usage: usage("2", "5Mi")}},
		}, {
			ObjectMeta: metav1.ObjectMeta{Name: "b", Namespace: "y"},
			Containers: []v1beta1.ContainerMetrics{{Name: "c0", Usage: usage("17u", "1k")}},
		}}}
}

func TestPodsAreDecoded(t *testing.T) {
	var got []Item
	body := encode(t, samplePods())
	err := Decode(body, false, func(item *Item) error {
		one := *item
		one.Containers = slices.Clone(item.Containers)
		got = append(got, one)
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v: %d items", err, len(got))
	}
	a, b := got[0], got[1]
	if string(a.Namespace) != "x" || string(a.Name) != "a" || a.TimestampS != 1234 || a.WindowNS != 15e9 ||
		len(a.Containers) != 2 {
		t.Errorf("%+v", a)
	}
	for i, want := range []Container{{[]byte("c0"), 1234567, 4 << 20, true}, {[]byte("c1"), 2e9, 5 << 20, true}} {
		if c := a.Containers[i]; string(c.Name) != string(want.Name) || c.CPU != want.CPU ||
			c.Memory != want.Memory || !c.Complete {
			t.Errorf("%+v", c)
		}
	}
	if string(b.Name) != "b" || len(b.Containers) != 1 || b.Containers[0].CPU != 17000 ||
		b.Containers[0].Memory != 1000 || b.TimestampS != 0 {
		t.Errorf("%+v", b)
	}
	if a.End <= 0 || b.End <= a.End || b.End > len(body) {
		t.Errorf("ends at %d and %d of %d", a.End, b.End, len(body))
	}
}

func TestNodesAreDecoded(t *testing.T) {
	list := &v1beta1.NodeMetricsList{
		TypeMeta: metav1.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: "NodeMetricsList"},
		Items: []v1beta1.NodeMetrics{{ObjectMeta: metav1.ObjectMeta{Name: "n"},
			Timestamp: metav1.Unix(7, 0), Usage: usage("1m", "1Gi")}}}
	found := 0
	err := Decode(encode(t, list), true, func(item *Item) error {
		found++
		c := item.Containers[0]
		if string(item.Name) != "n" || len(item.Containers) != 1 || c.CPU != 1e6 || c.Memory != 1<<30 || !c.Complete {
			t.Errorf("%+v", item)
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Fatalf("%v: %d items", err, found)
	}
}

// An answer that was cut off anywhere is an error, or a list with fewer items; never a crash.
func TestCutAnswers(t *testing.T) {
	body := encode(t, samplePods())
	const behind = 4 // bytes of empty fields behind the list
	for length := range len(body) - behind {
		items := 0
		err := Decode(body[:length], false, func(*Item) error { items++; return nil })
		if err == nil && items == 2 {
			t.Errorf("the whole list in %d of %d bytes", length, len(body))
		}
	}
	for _, bad := range []string{"", "k8s", "{}", "k8s\x00\x12\xff", "k8s\x00\x12\x02\x12\x05"} {
		if err := Decode([]byte(bad), false, func(*Item) error { return nil }); err == nil {
			t.Errorf("%q is a list", bad)
		}
	}
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "1": 1e9, "2": 2e9, "17900u": 17_900_000, "179m": 179e6,
		"162556n": 162556, "1k": 1e12, "1500": 1500e9} {
		if got, err := quantity([]byte(text), 1e9); err != nil || got != want {
			t.Errorf("CPU %s: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]uint64{"0": 0, "1025": 1025, "343180Ki": 343180 << 10, "5Mi": 5 << 20,
		"1k": 1000, "3Ti": 3 << 40} {
		if got, err := quantity([]byte(text), 1); err != nil || got != want {
			t.Errorf("memory %s: %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "n", "1.5", "-1", "1x", "1e3", " 1", "99999999999999999999", "999999999999Ti"} {
		if got, err := quantity([]byte(bad), 1); err == nil {
			t.Errorf("%q is %d", bad, got)
		}
	}
	if _, err := quantity([]byte("1n"), 1); err == nil {
		t.Error("nanobytes")
	}
}

func TestAge(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_500)
	for _, test := range []struct {
		cpu  uint64
		want time.Duration
	}{
		{7_000_500, 0},
		{7_000_400, 100 * time.Millisecond},
		{7_999_900, 600 * time.Millisecond}, // over the turn
		{7_000_600, -100 * time.Millisecond},
	} {
		if got := Age(test.cpu, now); got != test.want {
			t.Errorf("%d: %s", test.cpu, got)
		}
	}
}
