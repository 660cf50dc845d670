package kubelets

import (
	"fmt"
	"sort"
	"strconv"
	"time"
)

// age is for how long all containers have run when the kubelets start.
const age = time.Hour

// page is what one kubelet tells: lines of which only the figures change.
type page struct {
	lines []line
	began time.Time // since when they are told; everything has run for age by then
	size  int
}

// line is one metric; text alone, if kind says so.
type line struct {
	text  string
	kind  kind
	value uint64 // nanocores, or what does not change
}

type kind int

const (
	comment kind = iota
	counter      // seconds of CPU so far, and when they were read
	gauge        // the value, and when it was read
	fixed        // the value alone
)

// Families in the order of Prometheus' text, which is that of names, and within them of labels.
func newPage(node *Node, began time.Time) *page {
	p := &page{began: began}
	containers := containersOf(node)
	p.family("container_cpu_usage_seconds_total", "counter", "Cumulative CPU time of the container in core-seconds")
	for _, c := range containers {
		p.add("container_cpu_usage_seconds_total"+c.labels, counter, c.NanoCores)
	}
	p.family("container_memory_working_set_bytes", "gauge", "Working set of the container in bytes")
	for _, c := range containers {
		p.add("container_memory_working_set_bytes"+c.labels, gauge, c.Bytes)
	}
	p.family("container_start_time_seconds", "gauge", "When the container started, in seconds of the epoch")
	for _, c := range containers {
		p.add("container_start_time_seconds"+c.labels, fixed, uint64(began.Add(-age).Unix()))
	}
	p.family("node_cpu_usage_seconds_total", "counter", "Cumulative CPU time of the node in core-seconds")
	p.add("node_cpu_usage_seconds_total", counter, node.NanoCores)
	p.family("node_memory_working_set_bytes", "gauge", "Working set of the node in bytes")
	p.add("node_memory_working_set_bytes", gauge, node.Bytes)
	p.addPods(podsOf(node))
	p.family("resource_scrape_error", "gauge", "1 if the figures could not be had")
	p.add("resource_scrape_error", fixed, 0)
	p.family("scrape_error", "gauge", "1 if the figures could not be had")
	p.add("scrape_error", fixed, 0)
	return p
}

func (p *page) addPods(pods []labelled) {
	p.family("pod_cpu_usage_seconds_total", "counter", "Cumulative CPU time of the pod in core-seconds")
	for _, pod := range pods {
		p.add("pod_cpu_usage_seconds_total"+pod.labels, counter, pod.NanoCores)
	}
	p.family("pod_memory_working_set_bytes", "gauge", "Working set of the pod in bytes")
	for _, pod := range pods {
		p.add("pod_memory_working_set_bytes"+pod.labels, gauge, pod.Bytes)
	}
}

func (p *page) family(name, kind, help string) {
	p.add(fmt.Sprintf("# HELP %s [STABLE] %s\n# TYPE %s %s\n", name, help, name, kind), comment, 0)
}

func (p *page) add(text string, kind kind, value uint64) {
	p.lines = append(p.lines, line{text, kind, value})
	p.size += len(text) + 48
}

// labelled is a container or pod with its labels as text.
type labelled struct {
	Container
	labels string
}

func containersOf(node *Node) (all []labelled) {
	for i := range node.Pods {
		pod := &node.Pods[i]
		for _, c := range pod.Containers {
			all = append(all, labelled{c, fmt.Sprintf("{container=%q,namespace=%q,pod=%q}",
				c.Name, pod.Namespace, pod.Name)})
		}
	}
	return sorted(all)
}

func podsOf(node *Node) (all []labelled) {
	for i := range node.Pods {
		pod := &node.Pods[i]
		sum := labelled{labels: fmt.Sprintf("{namespace=%q,pod=%q}", pod.Namespace, pod.Name)}
		for _, c := range pod.Containers {
			sum.NanoCores += c.NanoCores
			sum.Bytes += c.Bytes
		}
		all = append(all, sum)
	}
	return sorted(all)
}

func sorted(all []labelled) []labelled {
	sort.Slice(all, func(i, j int) bool { return all[i].labels < all[j].labels })
	return all
}

// render writes the page as it is now, with numbers as Prometheus writes them.
func (p *page) render(now time.Time) []byte {
	text := make([]byte, 0, p.size)
	seconds := (now.Sub(p.began) + age).Seconds()
	for i := range p.lines {
		line := &p.lines[i]
		text = append(text, line.text...)
		if line.kind == comment {
			continue
		}
		value := float64(line.value)
		if line.kind == counter {
			value *= seconds / 1e9
		}
		text = append(text, ' ')
		text = strconv.AppendFloat(text, value, 'g', -1, 64)
		if line.kind != fixed {
			text = append(text, ' ')
			text = strconv.AppendInt(text, now.UnixMilli(), 10)
		}
		text = append(text, '\n')
	}
	return text
}
