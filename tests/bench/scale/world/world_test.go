package world

import (
	"runtime"
	"testing"
	"time"
)

func TestLarge(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	w, err := New(Options{Nodes: 5000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("built in %v, %d MB, %d workloads", took, (after.HeapAlloc-before.HeapAlloc)>>20, len(w.Workloads()))
	if used := after.HeapAlloc - before.HeapAlloc; used > 300<<20 {
		t.Errorf("%d bytes", used)
	}
}
