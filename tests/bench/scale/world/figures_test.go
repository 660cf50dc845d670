package world

import (
	"fmt"
	"hash/fnv"
	"testing"
)

func TestHash(t *testing.T) {
	// The vectors of RFC 9923, appendix C.
	for text, want := range map[string]uint64{
		"":       0xcbf29ce484222325,
		"a":      0xaf63dc4c8601ec8c,
		"foobar": 0x85944171f73967e8,
	} {
		if got := Hash(text); got != want {
			t.Errorf("%q: %x, not %x", text, got, want)
		}
	}
	same := func(got uint64, text string) {
		hash := fnv.New64a()
		fmt.Fprint(hash, text)
		if want := hash.Sum64(); got != want {
			t.Errorf("%q: %x, not %x", text, got, want)
		}
	}
	same(ContainerHash("big", "cart-api-12", ContainerName(1)), "big/cart-api-12/c1")
	same(NodeHash("node-00042"), "node/node-00042")
}

func TestFigures(t *testing.T) {
	const day = 1_800_000_123_456
	for _, row := range []struct {
		hash        uint64
		timeMS      int64
		cpu, memory uint64
	}{
		{0, 0, 1_000_000, 4096},
		{3999, day, 4_000_000_000 + 123_456, 4096},
		{4000, day, 1_000_000 + 123_456, 4096},
		{262_143 << 28, 999_999, (262_143<<28%4000+1)*1_000_000 + 999_999, 262_144 * 4096},
		{262_144 << 28, 1_000_000, (262_144<<28%4000 + 1) * 1_000_000, 4096},
	} {
		if got := CPU(row.hash, row.timeMS); got != row.cpu {
			t.Errorf("CPU(%d, %d) is %d, not %d", row.hash, row.timeMS, got, row.cpu)
		}
		if got := Memory(row.hash); got != row.memory {
			t.Errorf("Memory(%d) is %d, not %d", row.hash, got, row.memory)
		}
	}
}

// A container's figures under another container's name must not look right.
func TestContainersOfAPodDiffer(t *testing.T) {
	const pods, containers = 2000, 10
	sameCPU, sameMemory, pairs := 0, 0, 0
	for pod := range pods {
		var hashes []uint64
		for container := range containers {
			hash := ContainerHash("hpa", fmt.Sprintf("cart-api-%d", pod), ContainerName(container))
			for _, other := range hashes {
				pairs++
				if CPU(hash, 0) == CPU(other, 0) {
					sameCPU++
				}
				if Memory(hash) == Memory(other) {
					sameMemory++
				}
			}
			hashes = append(hashes, hash)
		}
	}
	if sameCPU*1000 > pairs || sameMemory > 0 {
		t.Errorf("of %d pairs of containers %d have the same CPU figure, %d the same memory", pairs, sameCPU, sameMemory)
	}
}
