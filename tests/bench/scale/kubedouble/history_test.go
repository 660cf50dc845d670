package kubedouble

import (
	"testing"

	"tacho.test/bench/scale/world"
)

func TestHistory(t *testing.T) {
	h := newHistory(4)
	h.begin(100)
	room := make([]world.Event, 0, 3)
	wantBehind := func(version, want uint64, known bool) {
		t.Helper()
		if got, ok := h.behind(version); ok != known || got != want {
			t.Errorf("behind %d: %d, %v", version, got, ok)
		}
	}
	wantBehind(99, 0, false)
	wantBehind(100, 0, true)
	if events, version, _, ok := h.read(0, room); len(events) != 0 || version != 100 || !ok {
		t.Errorf("%v, %d, %v", events, version, ok)
	}
	_, _, changed, _ := h.read(0, room)
	h.add(world.Event{Version: 101}, false)
	select {
	case <-changed:
		t.Error("another's event was told")
	default:
	}
	for version := uint64(102); version <= 110; version += 2 {
		h.add(world.Event{Version: version}, true) // 102 is forgotten at 110
	}
	<-changed
	wantBehind(101, 0, false)
	wantBehind(102, 1, true)
	wantBehind(105, 2, true)
	wantBehind(106, 3, true)
	wantBehind(110, 5, true)
	wantBehind(999, 5, true)
	if _, _, _, ok := h.read(0, room); ok {
		t.Error("a forgotten event was read")
	}
	events, _, _, ok := h.read(1, room)
	if !ok || len(events) != 3 || events[0].Version != 104 || events[2].Version != 108 {
		t.Errorf("%v", events)
	}
	h.add(world.Event{Version: 111}, false)
	h.forget()
	wantBehind(110, 0, false)
	wantBehind(111, 5, true)
	if h.oldest() != 111 {
		t.Errorf("%d", h.oldest())
	}
}
