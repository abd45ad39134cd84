package client

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Names remembers the addresses of hosts, for connections that many clients make. Real clients are
// on as many machines, each of which asks once; those of one process would ask a name server for
// each connection, and some answer no more than a thousand packets a second of a machine.
//
// Each address is remembered for ten seconds, a failure to find one for a second. The addresses of
// a host take turns. The zero Names is ready, and a nil one remembers nothing. Goroutines may share
// it.
type Names struct {
	mu       sync.Mutex
	families map[string]string // by name: ip4 or ip6, of the last connection that tried both
	hosts    map[string]*host  // by family and name
}

const (
	remembered       = 10 * time.Second
	rememberedFailed = time.Second
	// the least time for one of several addresses, where there is so much
	leastAttempt = 2 * time.Second
)

// A host is what is known of one. Its fields are of the goroutine that has the turn.
type host struct {
	turn  chan struct{} // holds one while somebody has it
	until time.Duration // when to ask again
	addrs []netip.Addr
	err   error
	next  int // address of the next connection
}

// Dial connects as d.DialContext does, to host:port. The first connection to a host tries its
// addresses of both families at once (RFC 8305); later ones try them one after the other, first
// those of the family that connections have ended up with. Over UDP it sends where a QUIC
// client would: see resolve.
func (n *Names) Dial(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	_, isName := netip.ParseAddr(name)
	switch {
	case n == nil || err != nil || isName == nil || network != "tcp" && network != "udp":
		return d.DialContext(ctx, network, address)
	case network == "udp":
		to, err := n.resolve(ctx, address, netip.Addr{})
		if err != nil {
			return nil, err
		}
		return d.DialContext(ctx, network, to.String())
	}
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	family := n.family(d, name)
	if family == "" {
		c, err := d.DialContext(ctx, network, address)
		if err == nil {
			n.learn(name, familyOf(c.RemoteAddr()))
		}
		return c, err
	}
	c, err := n.dialFamily(ctx, d, family, name, port)
	if err == nil || ctx.Err() != nil || d.LocalAddr != nil {
		return c, err
	}
	other := "ip4"
	if family == other {
		other = "ip6"
	}
	if c, failed := n.dialFamily(ctx, d, other, name, port); failed == nil {
		n.learn(name, other)
		return c, nil
	}
	return nil, err
}

// dialFamily connects to an address of one family.
func (n *Names) dialFamily(ctx context.Context, d *net.Dialer, family, name, port string) (net.Conn, error) {
	addrs, err := n.lookup(ctx, d.Resolver, family, name)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Source: d.LocalAddr, Err: err}
	}
	return dialInTurn(ctx, d, addrs, port)
}

// dialInTurn connects to the first address that answers. The error is that of the first one.
func dialInTurn(ctx context.Context, d *net.Dialer, addrs []netip.Addr, port string) (net.Conn, error) {
	var first error
	for i, addr := range addrs {
		one, cancel := ctx, func() {}
		if end, limited := ctx.Deadline(); limited && i < len(addrs)-1 {
			left := time.Until(end)
			one, cancel = context.WithTimeout(ctx, max(left/time.Duration(len(addrs)-i), min(left, leastAttempt)))
		}
		c, err := d.DialContext(one, "tcp", net.JoinHostPort(addr.String(), port))
		cancel()
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// lookup finds the addresses of a host, the one whose turn it is first. The family is ip4, ip6, or
// ip for both; r nil is the system's resolver. The caller owns the slice.
func (n *Names) lookup(ctx context.Context, r *net.Resolver, family, name string) ([]netip.Addr, error) {
	if r == nil {
		r = net.DefaultResolver
	}
	if n == nil {
		return r.LookupNetIP(ctx, family, name)
	}
	h := n.host(family + " " + name)
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.turn }()
	if Now() >= h.until {
		addrs, err := r.LookupNetIP(ctx, family, name)
		switch {
		case err == nil:
			h.addrs, h.err, h.until = addrs, nil, Now()+remembered
		case ctx.Err() != nil:
			return nil, err // it is this caller's
		default:
			h.addrs, h.err, h.until = nil, err, Now()+rememberedFailed
		}
	}
	if len(h.addrs) == 0 {
		return nil, h.err
	}
	h.next = (h.next + 1) % len(h.addrs)
	return slices.Concat(h.addrs[h.next:], h.addrs[:h.next]), nil
}

func (n *Names) host(key string) *host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[key]
	if h == nil {
		if n.hosts == nil {
			n.hosts = map[string]*host{}
		}
		h = &host{turn: make(chan struct{}, 1)}
		n.hosts[key] = h
	}
	return h
}

// family is that of the addresses of a host to connect to; "": not known yet.
func (n *Names) family(d *net.Dialer, name string) string {
	if d.LocalAddr != nil {
		return familyOf(d.LocalAddr)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.families[name]
}

func (n *Names) learn(name, family string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.families == nil {
		n.families = map[string]string{}
	}
	n.families[name] = family
}

// familyOf is the family of an address; "" of none of TCP.
func familyOf(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	switch {
	case !ok:
		return ""
	case tcp.IP.To4() != nil:
		return "ip4"
	}
	return "ip6"
}
