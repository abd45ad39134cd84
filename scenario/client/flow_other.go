//go:build !linux

package client

import (
	"context"
	"net"
	"net/netip"
	"runtime"

	"github.com/quic-go/quic-go"
)

// A flow is a QUIC connection on a socket of many: a connection is found by its id and not by its
// port. When its packets came is unknown.
type flow struct{ packets }

// address is where quic-go sends to.
func (f *flow) address(remote netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(remote) }

func (f *flow) close() {}

// hubs are the sockets of a UDP, by source address.
type hubs struct{ open map[netip.Addr]*shared }

// shared are the sockets of one source address, in use by turns.
type shared struct {
	list []socket
	next int
}

type socket struct {
	quic *quic.Transport
	conn *net.UDPConn
}

// flow finds the next socket from which a session can start. u.mu is held.
func (u *UDP) flow(source netip.Addr, _ netip.AddrPort, _ *traffic, _ context.CancelCauseFunc) (*quic.Transport, *flow, error) {
	s := u.hubs.open[source]
	if s == nil {
		if u.hubs.open == nil {
			u.hubs.open = map[netip.Addr]*shared{}
		}
		s = &shared{}
		u.hubs.open[source] = s
	}
	if len(s.list) < runtime.GOMAXPROCS(0) { // one goroutine reads each
		conn, err := u.listen(source)
		if err != nil {
			return nil, nil, err
		}
		s.list = append(s.list, socket{&quic.Transport{Conn: conn}, conn})
	}
	s.next++
	return s.list[s.next%len(s.list)].quic, &flow{}, nil
}

func (s *hubs) close() {
	for _, of := range s.open {
		for _, one := range of.list {
			_ = one.quic.Close()
			_ = one.conn.Close()
		}
	}
}
