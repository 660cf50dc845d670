package world

import "strconv"

// Of FNV-1a with 64 bits (RFC 9923, section 5).
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv1a(hash uint64, text string) uint64 {
	for i := 0; i < len(text); i++ {
		hash = (hash ^ uint64(text[i])) * fnvPrime
	}
	return hash
}

// Hash is FNV-1a of a text.
func Hash(text string) uint64 { return fnv1a(fnvOffset, text) }

// ContainerName is the name of a pod's container.
func ContainerName(container int) string { return "c" + strconv.Itoa(container) }

// ContainerHash tells a container's figures.
func ContainerHash(namespace, pod, container string) uint64 {
	hash := fnv1a(fnvOffset, namespace)
	hash = fnv1a(hash, "/")
	hash = fnv1a(hash, pod)
	hash = fnv1a(hash, "/")
	return fnv1a(hash, container)
}

// NodeHash tells a node's figures.
func NodeHash(node string) uint64 { return fnv1a(Hash("node/"), node) }

// CPU is what the figure must be for a sample of that time (milliseconds since 1970), in nanocores.
func CPU(hash uint64, timeMS int64) uint64 {
	return (hash%4000+1)*1_000_000 + uint64(timeMS%1_000_000)
}

// Memory is what the working set must be, in bytes. The bits that it is made of, 28 to 45, are those
// that the last byte of a name reaches: FNV's prime is 2^40 and a little.
func Memory(hash uint64) uint64 { return ((hash>>28)%262_144 + 1) * 4096 }
