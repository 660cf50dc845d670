// Package prometheus holds a real Prometheus in front of the real programs.
package prometheus

import (
	"errors"
	"net"
	"os"
	"time"
)

// A datagram of this many bytes goes from one pod to another ten times a second; with its headers (UDP 8,
// IPv4 20) it is the packet that both pods' counters see.
const (
	trafficPayload = 4972
	trafficPacket  = trafficPayload + 28
	trafficEach    = 100 * time.Millisecond
)

// traffic is what this program does as a pod's load.
func traffic(what, file string) error {
	if what == "receive" {
		socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file+".new", []byte(socket.LocalAddr().String()), 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
		for buffer := make([]byte, 65536); ; {
			if _, _, err := socket.ReadFrom(buffer); err != nil {
				return err
			}
		}
	}
	var address []byte
	for try := 0; len(address) == 0; try++ {
		if try == 300 {
			return errors.New("nobody listens")
		}
		time.Sleep(100 * time.Millisecond)
		address, _ = os.ReadFile(file)
	}
	socket, err := net.Dial("udp4", string(address))
	if err != nil {
		return err
	}
	// by the clock: what a busy machine kept from us is made up for
	payload := make([]byte, trafficPayload)
	for due := time.Now(); ; due = due.Add(trafficEach) {
		time.Sleep(time.Until(due))
		if _, err := socket.Write(payload); err != nil {
			return err
		}
	}
}
