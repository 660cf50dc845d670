package world

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
)

// Kubernetes makes its suffixes of these (k8s.io/apimachinery, util/rand): no vowels, nothing that
// is easily taken for another.
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789"

var (
	subjects = []string{"account", "address", "alert", "auth", "basket", "billing", "booking", "cart",
		"catalog", "checkout", "config", "content", "coupon", "customer", "delivery", "device", "email",
		"event", "export", "feed", "fraud", "geo", "image", "import", "inventory", "invoice", "ledger",
		"login", "loyalty", "mail", "media", "message", "notification", "offer", "order", "partner",
		"payment", "pricing", "product", "profile", "promo", "quote", "rating", "refund", "report",
		"review", "risk", "route", "search", "session", "shipping", "stock", "store", "subscription",
		"tax", "ticket", "token", "tracking", "user", "vendor", "video", "wallet", "warehouse", "web"}
	roles = []string{"api", "backend", "batch", "cache", "consumer", "cron", "db", "frontend", "gateway",
		"grpc", "indexer", "ingest", "job", "proxy", "queue", "redis", "router", "scheduler", "server",
		"stream", "sync", "worker"}
	stages = []string{"prod", "staging", "dev", "canary", "test", "perf"}
	tiers  = []string{"frontend", "backend", "data", "batch", "edge"}
	zones  = []string{"a", "b", "c"}
	sizes  = []string{"m6i.2xlarge", "m6i.4xlarge", "c6i.4xlarge", "r6i.2xlarge", "m7g.4xlarge"}
)

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

func suffix(random *rand.Rand, length int) string {
	var text [16]byte
	for i := range length {
		text[i] = suffixLetters[random.IntN(len(suffixLetters))]
	}
	return string(text[:length])
}

// uuid is a random one (RFC 9562, version 4).
func uuid(random *rand.Rand) string {
	var bytes [16]byte
	var text [36]byte
	for i := range 8 {
		bytes[i] = byte(random.Uint32())
		bytes[8+i] = byte(random.Uint32())
	}
	bytes[6] = bytes[6]&0x0f | 0x40
	bytes[8] = bytes[8]&0x3f | 0x80
	hex.Encode(text[0:], bytes[0:4])
	hex.Encode(text[9:], bytes[4:6])
	hex.Encode(text[14:], bytes[6:8])
	hex.Encode(text[19:], bytes[8:10])
	hex.Encode(text[24:], bytes[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

func version(random *rand.Rand) string {
	return "v" + strconv.Itoa(1+random.IntN(4)) + "." + strconv.Itoa(random.IntN(30)) + "." +
		strconv.Itoa(random.IntN(10))
}
