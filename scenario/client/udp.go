package client

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"github.com/quic-go/quic-go"
)

// UDP holds the sockets over which the WebTransport sessions of a process run: a QUIC connection is
// found by its id and not by its port, so thousands of them share a few sockets, and no session
// takes a local port or a descriptor of its own. The zero UDP is ready for use; goroutines may
// share it. Its owner closes it after the clients.
type UDP struct {
	// Sockets is how many there are for each source address, opened as sessions come; 0 =
	// GOMAXPROCS, since one goroutine reads each.
	Sockets int
	// Listen opens a socket at a source address; nil = net.ListenUDP does.
	Listen func(source netip.Addr) (*net.UDPConn, error)

	mu     sync.Mutex
	open   map[netip.Addr]*shared
	closed bool
	wg     sync.WaitGroup // of the connections that linger
}

// shared are the sockets of one source address, in use by turns.
type shared struct {
	list []socket
	next int
}

type socket struct {
	quic *quic.Transport
	conn *net.UDPConn
}

// transport returns the next socket from which sessions to remote can start; the zero source = the
// system chooses the address.
func (u *UDP) transport(source, remote netip.Addr) (*quic.Transport, error) {
	if !source.IsValid() {
		source = netip.IPv4Unspecified()
		if remote.Is6() {
			source = netip.IPv6Unspecified()
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, net.ErrClosed
	}
	s := u.open[source]
	if s == nil {
		if u.open == nil {
			u.open = map[netip.Addr]*shared{}
		}
		s = &shared{}
		u.open[source] = s
	}
	most := u.Sockets
	if most <= 0 {
		most = runtime.GOMAXPROCS(0)
	}
	if len(s.list) < most {
		listen := u.Listen
		if listen == nil {
			listen = func(source netip.Addr) (*net.UDPConn, error) {
				return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
			}
		}
		conn, err := listen(source)
		if err != nil {
			return nil, err
		}
		s.list = append(s.list, socket{&quic.Transport{Conn: conn}, conn})
		return s.list[len(s.list)-1].quic, nil
	}
	s.next = (s.next + 1) % len(s.list)
	return s.list[s.next].quic, nil
}

// Close closes the sockets, and with them the sessions that still use them. It waits for the
// goodbyes of the sessions that were closed before.
func (u *UDP) Close() error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.wg.Wait()
	for _, s := range u.open {
		for _, one := range s.list {
			_ = one.quic.Close()
			_ = one.conn.Close()
		}
	}
	return nil
}

// start runs f, for which Close waits, unless the sockets are closed.
func (u *UDP) start(f func()) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.wg.Go(f)
	return true
}

// resolve finds an address of a host and port that can be reached from source. Where a name has
// both kinds it is the one of IPv4: UDP tells nobody that nothing listens, so they cannot be tried
// in turn as with TCP.
func resolve(ctx context.Context, hostport string, source netip.Addr) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	best := -1
	for i, ip := range all {
		all[i] = ip.Unmap()
		is4 := all[i].Is4()
		if source.IsValid() && source.Unmap().Is4() != is4 {
			continue
		}
		if best < 0 || is4 && !all[best].Is4() {
			best = i
		}
	}
	if best < 0 {
		return netip.AddrPort{}, &net.DNSError{Err: "no address of the family of the source address", Name: host, IsNotFound: true}
	}
	return netip.AddrPortFrom(all[best], uint16(port)), nil
}
