package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Datagrams passes datagrams on to a server, and its answers back. Each sender has a socket of its
// own to the server, so that the server tells them apart, and sees when one has another address.
type Datagrams struct {
	in     *net.UDPConn
	target string
	dial   Dial
	wg     sync.WaitGroup

	mu     sync.Mutex
	flows  map[netip.AddrPort]*net.UDPConn
	lost   uint64 // for want of a socket, and by sockets that are closed
	closed bool
}

const (
	// idleFlow is how long the server may send a sender nothing before that one's socket is closed.
	// What it sends then goes by another one.
	idleFlow = 2 * time.Minute
	maxFlows = 1 << 16
	// datagramBuffer is how many bytes the kernel may hold of what comes at once; it may allow
	// less.
	datagramBuffer = 4 << 20
	maxDatagram    = 1 << 16
)

var errFull = errors.New("too many senders")

// OnPackets passes on what comes to a socket, to a server at host:port. The socket is closed with
// it. dial is as for Start.
func OnPackets(in *net.UDPConn, target string, dial Dial) *Datagrams {
	_ = in.SetReadBuffer(datagramBuffer)
	d := &Datagrams{in: in, target: target, dial: dial.orDefault(), flows: map[netip.AddrPort]*net.UDPConn{}}
	d.wg.Go(d.forth)
	return d
}

// Dropped is how many datagrams were dropped here, in either direction: they came faster than they
// were read, or there was no socket for their sender. What the server does not read is not among
// them. The system says it on Linux alone; elsewhere only the second kind is counted.
func (d *Datagrams) Dropped() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.lost + drops(d.in)
	for _, c := range d.flows {
		n += drops(c)
	}
	return n
}

// Close returns when all goroutines have ended.
func (d *Datagrams) Close() {
	d.mu.Lock()
	d.closed = true
	for _, c := range d.flows {
		_ = c.Close()
	}
	d.mu.Unlock()
	_ = d.in.Close()
	d.wg.Wait()
}

// forth passes on what the senders send.
func (d *Datagrams) forth() {
	b := make([]byte, maxDatagram)
	for {
		n, from, err := d.in.ReadFromUDPAddrPort(b)
		if err != nil {
			return // it is closed: no other error ends a socket of UDP that is not connected
		}
		if c := d.flow(from); c != nil {
			_, _ = c.Write(b[:n]) // what the server does not take is lost, as on any network
		}
	}
}

// flow is the socket of a sender; nil: it cannot have one.
func (d *Datagrams) flow(from netip.AddrPort) *net.UDPConn {
	d.mu.Lock()
	c, full := d.flows[from], len(d.flows) >= maxFlows
	d.mu.Unlock()
	if c != nil {
		return c
	}
	var conn net.Conn
	err := errFull
	if !full {
		ctx, cancel := context.WithTimeout(context.Background(), dialWithin)
		conn, err = d.dial(ctx, "udp", d.target)
		cancel()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.lost++
		return nil
	}
	c = conn.(*net.UDPConn)
	_ = c.SetReadBuffer(datagramBuffer)
	if d.closed {
		_ = c.Close()
		return nil
	}
	d.flows[from] = c
	d.wg.Go(func() { d.back(c, from) })
	return c
}

// back passes on what the server sends to a sender.
func (d *Datagrams) back(c *net.UDPConn, to netip.AddrPort) {
	defer func() {
		d.mu.Lock()
		delete(d.flows, to)
		d.lost += drops(c)
		d.mu.Unlock()
		_ = c.Close()
	}()
	b := make([]byte, maxDatagram)
	for {
		_ = c.SetReadDeadline(time.Now().Add(idleFlow))
		n, err := c.Read(b)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) || d.over() {
				return
			}
			continue // nobody listens there, for now
		}
		_, _ = d.in.WriteToUDPAddrPort(b[:n], to)
	}
}

func (d *Datagrams) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}
