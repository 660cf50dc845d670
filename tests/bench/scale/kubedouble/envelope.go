package kubedouble

import (
	"encoding/binary"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Kubernetes' protobuf: four bytes, and a runtime.Unknown around the object. The list of 150,000 pods
// is not built in memory: its size is told first, as kube-apiserver does (KEP-5116).

const protobufType = "application/vnd.kubernetes.protobuf"

const magic = "k8s\x00"

// The fields of length-delimited wire type, ready as tags.
const (
	unknownType = 1<<3 | 2 // runtime.Unknown
	unknownRaw  = 2<<3 | 2
	listMeta    = 1<<3 | 2 // PartialObjectMetadataList
	listItems   = 2<<3 | 2
	eventType   = 1<<3 | 2 // WatchEvent
	eventObject = 2<<3 | 2
	extRaw      = 1<<3 | 2 // RawExtension
)

// Empty contentEncoding and contentType, which Go's generated code writes too.
const unknownEnd = "\x1a\x00\x22\x00"

const metaVersion = "meta.k8s.io/v1"

func varintSize(value int) int {
	size := 1
	for ; value >= 0x80; value >>= 7 {
		size++
	}
	return size
}

// fieldSize is that of a field with so many bytes in it.
func fieldSize(bytes int) int { return 1 + varintSize(bytes) + bytes }

func appendTag(to []byte, tag byte, bytes int) []byte {
	return binary.AppendUvarint(append(to, tag), uint64(bytes))
}

func appendField(to []byte, tag byte, bytes []byte) []byte {
	return append(appendTag(to, tag, len(bytes)), bytes...)
}

func typeBytes(apiVersion, kind string) []byte {
	meta := runtime.TypeMeta{APIVersion: apiVersion, Kind: kind}
	bytes, err := meta.Marshal()
	if err != nil {
		panic(err) // two short texts
	}
	return bytes
}

var (
	objectType = typeBytes(metaVersion, "PartialObjectMetadata")
	listType   = typeBytes(metaVersion, "PartialObjectMetadataList")
	statusType = typeBytes("v1", "Status")
)

// marshaler is generated code of apimachinery.
type marshaler interface {
	Size() int
	MarshalToSizedBuffer([]byte) (int, error)
}

// appendMessage of a known size.
func appendMessage(to []byte, message marshaler, size int) []byte {
	begin := len(to)
	to = append(to, make([]byte, size)...)
	if n, err := message.MarshalToSizedBuffer(to[begin:]); err != nil || n != size {
		panic("a message that is not as long as it said") // a race: messages are ours alone
	}
	return to
}

// envelopeSize is that of all around and with a message of that size.
func envelopeSize(typeMeta []byte, size int) int {
	return len(magic) + fieldSize(len(typeMeta)) + fieldSize(size) + len(unknownEnd)
}

func appendEnvelopeBegin(to, typeMeta []byte, size int) []byte {
	to = appendField(append(to, magic...), unknownType, typeMeta)
	return appendTag(to, unknownRaw, size)
}

func appendEnvelope(to, typeMeta []byte, message marshaler, size int) []byte {
	to = appendMessage(appendEnvelopeBegin(to, typeMeta, size), message, size)
	return append(to, unknownEnd...)
}

// appendFrame appends a frame of a watch.
func appendFrame(to []byte, event string, typeMeta []byte, object marshaler) []byte {
	size := object.Size()
	raw := envelopeSize(typeMeta, size)
	frame := fieldSize(len(event)) + fieldSize(fieldSize(raw))
	to = binary.BigEndian.AppendUint32(to, uint32(frame))
	to = append(appendTag(to, eventType, len(event)), event...)
	to = appendTag(to, eventObject, fieldSize(raw))
	return appendEnvelope(appendTag(to, extRaw, raw), typeMeta, object, size)
}

func statusMessage(status *metav1.Status) []byte {
	return appendEnvelope(nil, statusType, status, status.Size())
}
