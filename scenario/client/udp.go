package client

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// UDP holds the sockets of the WebTransport sessions of a process, and reads them with few
// goroutines. Under Linux each session has a socket of its own, as each browser has; elsewhere
// sessions share a few. The zero UDP is ready for use; goroutines may share it. Its owner closes it
// after the clients.
type UDP struct {
	// Listen opens a socket at a source address; nil = net.ListenUDP does.
	Listen func(source netip.Addr) (*net.UDPConn, error)

	mu     sync.Mutex
	hubs   hubs
	closed bool
	wg     sync.WaitGroup // of the connections that linger
}

// open returns what a session from source to remote starts with; the zero source = the system
// chooses the address. refused is called if the system learns that nothing listens there.
func (u *UDP) open(source netip.Addr, remote netip.AddrPort, bytes *traffic, refused context.CancelCauseFunc) (*quic.Transport, *flow, error) {
	if !source.IsValid() {
		source = netip.IPv4Unspecified()
		if remote.Addr().Is6() {
			source = netip.IPv6Unspecified()
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, nil, net.ErrClosed
	}
	return u.flow(source, remote, bytes, refused)
}

func (u *UDP) listen(source netip.Addr) (*net.UDPConn, error) {
	if u.Listen != nil {
		return u.Listen(source)
	}
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
}

// Close closes the sockets, and with them the sessions that still use them. It waits for the
// goodbyes of the sessions that were closed before.
func (u *UDP) Close() error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.wg.Wait()
	u.hubs.close()
	return nil
}

// packets are when the packets of a QUIC connection came, each of which the kernel notes. Which of
// them brought what a stream has just handed out is not known: it was one of those since the last
// read.
type packets struct {
	tm          sync.Mutex
	first, last time.Duration // of those packets; 0: the system does not report it
	handed      time.Duration // when quic-go got the last of them
	taken       bool          // there was a read since
}

// settled is after how long what a packet has brought has been read: packets without any, such as
// acknowledgements, come between others.
const settled = 10 * time.Millisecond

// note notes a packet that quic-go gets now, from the kernel's time stamp, and returns how long it
// has waited since it came and since the packet before was handed over. See times.note.
func (a *packets) note(stamp int64) (waited time.Duration) {
	now := time.Now()
	at := now.Sub(start)
	a.tm.Lock()
	defer a.tm.Unlock()
	came := time.Duration(0)
	if stamp != 0 {
		came = min(max(at-time.Duration(now.UnixNano()-stamp), a.last), at)
		waited = at - max(came, a.handed)
	}
	if a.taken || at-a.handed > settled {
		a.first, a.taken = came, false
	}
	a.last, a.handed = came, at
	return waited
}

// latest is when the bytes of the read came that has just returned.
func (a *packets) latest() times {
	a.tm.Lock()
	defer a.tm.Unlock()
	a.taken = true
	return times{came: a.last, empty: a.first, several: a.first != a.last}
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
func (n *Names) resolve(ctx context.Context, hostport string, source netip.Addr) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	all, err := n.lookup(ctx, nil, "ip", host)
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
