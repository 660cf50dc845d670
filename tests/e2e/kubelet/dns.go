package kubelet

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	listers "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"tacho.test/e2e/cluster"
)

// dns answers for the cluster's Services as the DNS specification of Kubernetes says: the address
// of a Service, or of a headless one those of its endpoints.
type dns struct {
	services listers.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	logf     func(string, ...any)
}

const timeToLive = 5 // seconds, CoreDNS' default

func startDNS(ctx context.Context, factory informers.SharedInformerFactory, logf func(string, ...any)) error {
	d := &dns{factory.Core().V1().Services().Lister(), factory.Discovery().V1().EndpointSlices().Lister(), logf}
	address := net.JoinHostPort(cluster.DNSAddress, "53")
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		packets.Close()
		listener.Close()
	})
	go d.servePackets(packets)
	go d.serveStreams(listener)
	return nil
}

func (d *dns) servePackets(packets net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		size, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := d.answer(buffer[:size], 1232); answer != nil {
			_, _ = packets.WriteTo(answer, from)
		}
	}
}

func (d *dns) serveStreams(listener net.Listener) {
	for {
		stream, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer stream.Close()
			_ = stream.SetDeadline(time.Now().Add(10 * time.Second))
			var length [2]byte
			for {
				if _, err := io.ReadFull(stream, length[:]); err != nil {
					return
				}
				question := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(stream, question); err != nil {
					return
				}
				answer := d.answer(question, 65535)
				binary.BigEndian.PutUint16(length[:], uint16(len(answer)))
				if _, err := stream.Write(append(length[:], answer...)); err != nil {
					return
				}
			}
		}()
	}
}

func (d *dns) answer(packet []byte, limit int) []byte {
	var query dnsmessage.Message
	if err := query.Unpack(packet); err != nil || len(query.Questions) != 1 {
		return nil
	}
	question := query.Questions[0]
	addresses, known := d.lookUp(question.Name.String())
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: query.ID, Response: true,
		Authoritative: true, RecursionDesired: query.RecursionDesired}, Questions: query.Questions}
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		if question.Type != dnsmessage.TypeA {
			break
		}
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA,
				Class: dnsmessage.ClassINET, TTL: timeToLive},
			Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())}})
	}
	text, err := reply.Pack()
	if err == nil && len(text) > limit {
		reply.Answers, reply.Truncated = nil, true
		text, err = reply.Pack()
	}
	if err != nil {
		d.logf("DNS: %v", err)
	}
	return text
}

// lookUp takes SERVICE.NAMESPACE.svc.DOMAIN. and HOSTNAME or ADDRESS before it; false: no such name.
func (d *dns) lookUp(name string) ([]string, bool) {
	short, ours := strings.CutSuffix(strings.ToLower(name), ".svc."+cluster.Domain+".")
	if !ours {
		return nil, false
	}
	parts := strings.Split(short, ".")
	host := ""
	if len(parts) == 3 {
		host, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 {
		return nil, false
	}
	service, err := d.services.Services(parts[1]).Get(parts[0])
	if err != nil {
		return nil, false
	}
	if service.Spec.ClusterIP != "None" {
		return []string{service.Spec.ClusterIP}, host == ""
	}
	addresses := d.endpoints(parts[1], parts[0], host, service.Spec.PublishNotReadyAddresses)
	return addresses, len(addresses) > 0
}

func (d *dns) endpoints(namespace, service, host string, all bool) []string {
	var addresses []string
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service})
	slices, _ := d.slices.EndpointSlices(namespace).List(selector)
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			if !ready && !all || len(endpoint.Addresses) == 0 {
				continue
			}
			names := []string{"", strings.ReplaceAll(endpoint.Addresses[0], ".", "-")}
			if endpoint.Hostname != nil {
				names = append(names, *endpoint.Hostname)
			}
			for _, name := range names {
				if name == host {
					addresses = append(addresses, endpoint.Addresses[0])
				}
			}
		}
	}
	return addresses
}
