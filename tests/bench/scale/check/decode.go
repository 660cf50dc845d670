// Package check holds what the aggregator answers against what there is: the made-up world, whose
// figures follow from names and time.
package check

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Item is one PodMetrics or NodeMetrics. Its bytes are the answer's own. A list of 150,000 of them is
// read in a tenth of the time that k8s.io/metrics takes, so that reading it says something about the
// server.
type Item struct {
	Namespace, Name []byte
	TimestampS      int64 // seconds since 1970
	WindowNS        int64
	Containers      []Container // a node's own figures as that of one container without a name
	End             int         // where the item ends in the answer
}

// Container is one ContainerMetrics.
type Container struct {
	Name        []byte
	CPU, Memory uint64 // nanocores, bytes
	Complete    bool   // both are there
}

var magic = []byte("k8s\x00")

var errWire = errors.New("not protobuf")

// Decode calls visit for each item of a PodMetricsList or (nodes) NodeMetricsList in Kubernetes'
// protobuf. The item is the caller's until the next.
func Decode(body []byte, nodes bool, visit func(*Item) error) error {
	if !bytes.HasPrefix(body, magic) {
		return fmt.Errorf("not Kubernetes' protobuf: %.80q", body)
	}
	item := &Item{}
	return fields(body, len(magic), func(number protowire.Number, at, end int) error {
		if number != 2 { // runtime.Unknown: raw
			return nil
		}
		return fields(body[:end], at, func(number protowire.Number, at, end int) error {
			if number != 2 { // items
				return nil
			}
			*item = Item{Containers: item.Containers[:0], End: end}
			if err := item.read(body[:end], at, nodes); err != nil {
				return err
			}
			return visit(item)
		})
	})
}

// fields calls visit with where each length-delimited field of a message lies; others are skipped.
func fields(data []byte, at int, visit func(number protowire.Number, at, end int) error) error {
	for at < len(data) {
		number, kind, n := protowire.ConsumeTag(data[at:])
		if n < 0 {
			return errWire
		}
		at += n
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, data[at:]); n < 0 {
				return errWire
			}
			at += n
			continue
		}
		length, n := protowire.ConsumeVarint(data[at:])
		if n < 0 || length > uint64(len(data)-at-n) {
			return errWire
		}
		at += n
		if err := visit(number, at, at+int(length)); err != nil {
			return err
		}
		at += int(length)
	}
	return nil
}

// number is a varint field of a message, 0 when it is missing.
func number(data []byte, wanted protowire.Number) (int64, error) {
	var found uint64
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return 0, errWire
		}
		data = data[n:]
		if field == wanted && kind == protowire.VarintType {
			if found, n = protowire.ConsumeVarint(data); n < 0 {
				return 0, errWire
			}
		} else if n = protowire.ConsumeFieldValue(field, kind, data); n < 0 {
			return 0, errWire
		}
		data = data[n:]
	}
	return int64(found), nil
}

func (i *Item) read(data []byte, at int, node bool) error {
	if node {
		i.Containers = append(i.Containers, Container{})
	}
	err := fields(data, at, func(field protowire.Number, at, end int) (err error) {
		switch {
		case field == 1:
			return i.readMetadata(data[:end], at)
		case field == 2: // metav1.Time
			i.TimestampS, err = number(data[at:end], 1)
		case field == 3: // metav1.Duration
			i.WindowNS, err = number(data[at:end], 1)
		case field == 4 && node:
			return i.Containers[0].readUsage(data[:end], at)
		case field == 4:
			i.Containers = append(i.Containers, Container{})
			return i.Containers[len(i.Containers)-1].read(data[:end], at)
		}
		return err
	})
	for c := range i.Containers {
		container := &i.Containers[c]
		container.Complete = container.CPU > 0 && container.Memory > 0
	}
	return err
}

func (i *Item) readMetadata(data []byte, at int) error {
	return fields(data, at, func(field protowire.Number, at, end int) error {
		switch field {
		case 1:
			i.Name = data[at:end]
		case 3:
			i.Namespace = data[at:end]
		}
		return nil
	})
}

func (c *Container) read(data []byte, at int) error {
	return fields(data, at, func(field protowire.Number, at, end int) error {
		switch field {
		case 1:
			c.Name = data[at:end]
		case 2:
			return c.readUsage(data[:end], at)
		}
		return nil
	})
}

// readUsage reads one entry of map<string, Quantity>.
func (c *Container) readUsage(data []byte, at int) error {
	var key, text []byte
	err := fields(data, at, func(field protowire.Number, at, end int) error {
		switch field {
		case 1:
			key = data[at:end]
		case 2:
			return fields(data[:end], at, func(field protowire.Number, at, end int) error {
				if field == 1 {
					text = data[at:end]
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch string(key) {
	case "cpu":
		c.CPU, err = quantity(text, 1_000_000_000)
	case "memory":
		c.Memory, err = quantity(text, 1)
	}
	return err
}
