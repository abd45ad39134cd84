package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A Network joins simulated clients to the side of their service. Goroutines may share it.
type Network struct {
	began            time.Time
	shared           int // the first client without a rate
	set              atomic.Pointer[setting]
	moves            []atomic.Uint32 // by client and prober: how often its address has changed
	outages          []atomic.Int64  // and until when it has no network, as now
	clients, service *space
	up, down         *forwarder
	probes           []*probe
	stop             chan struct{} // the prober's
	wg               sync.WaitGroup
	once             sync.Once
}

// Check reports whether this process may make a network, by making one. The error says what to do.
func Check() error {
	n, err := Start(Config{First: make([]Condition, 1)})
	if err != nil {
		return err
	}
	n.Close()
	return nil
}

// Start makes a network. The caller closes it.
func Start(cfg Config) (*Network, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n := &Network{
		began: time.Now(), shared: 1 + cfg.Clients - cfg.Shared,
		stop:  make(chan struct{}),
		moves: make([]atomic.Uint32, 1+cfg.Clients), outages: make([]atomic.Int64, 1+cfg.Clients),
	}
	n.Set(0, cfg.First)
	if err := n.start(cfg.Seed); err != nil {
		n.Close()
		return nil, fmt.Errorf("packets can be lost only on networks of this process's own: %w; %s", err, remedy(err))
	}
	return n, nil
}

// remedy is what to do where the kernel refuses.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		return "run throng as root, or in front of it write: unshare --user --map-root-user (where users may open /dev/net/tun)"
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO):
		return "load the kernel's module tun (modprobe tun), or give the container that device"
	}
	return "the kernel needs network namespaces and TUN devices"
}

func (n *Network) start(seed uint64) (err error) {
	if n.clients, err = newSpace(netip.PrefixFrom(addressOf(0, -1), 16)); err != nil {
		return err
	}
	if n.service, err = newSpace(netip.PrefixFrom(addressOf(service, -1), 16)); err != nil {
		return err
	}
	if n.up, err = n.newForwarder(true, n.clients, n.service, seed); err != nil {
		return err
	}
	if n.down, err = n.newForwarder(false, n.service, n.clients, seed); err != nil {
		return err
	}
	here, there := addressOf(0, prober), addressOf(service, 0)
	for _, end := range []struct {
		space    *space
		at, to   netip.Addr
		receives *forwarder
	}{{n.clients, here, there, n.down}, {n.service, there, here, n.up}} {
		p, err := end.space.newProbe(end.at, end.to, end.receives)
		if err != nil {
			return err
		}
		n.probes = append(n.probes, p)
	}
	for _, p := range n.probes {
		n.wg.Go(func() { p.send(n.stop) })
		n.wg.Go(p.receive)
	}
	n.wg.Go(n.up.run)
	n.wg.Go(n.down.run)
	return nil
}

func (n *Network) newForwarder(up bool, in, out *space, seed uint64) (*forwarder, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	direction := uint64(0)
	if up {
		direction = 1
	}
	return &forwarder{
		n: n, up: up, in: in.tun, out: out.tun, wake: wake, lane: newLane(len(n.moves), seed, direction), given: make([]int64, len(n.moves)),
	}, nil
}

// now is the time since the start in nanoseconds.
func (n *Network) now() int64 { return int64(time.Since(n.began)) }

// Set gives the network the conditions of a phase, by target. The phases count from 0, and what
// happens to packets from now on is counted in that one. Packets on their way arrive as they would
// have.
func (n *Network) Set(phase int, of []Condition) { n.set.Store(&setting{phase, of}) }

// Outage takes the network from a client for some time. Packets on their way still arrive.
func (n *Network) Outage(client int, lasts time.Duration) {
	n.outages[client+1].Store(n.now() + int64(lasts))
	n.note(func(c *Counts) { c.Outages++ })
}

// note counts what befell a client, in both directions of the present phase.
func (n *Network) note(count func(c *Counts)) {
	for _, f := range []*forwarder{n.up, n.down} {
		f.mu.Lock()
		count(f.of(n.set.Load().phase))
		f.mu.Unlock()
	}
}

// Move gives a client another address, as the service sees it. What is sent to the one before is
// dropped, and its connections send from the new one: a service knows nothing of those by TCP, and
// resets them.
func (n *Network) Move(client int) {
	m := &n.moves[client+1]
	m.Store((m.Load() + 1) % maxMoves)
	n.note(func(c *Counts) { c.Moves++ })
}

// TargetAddr is where clients reach a target, by its place from 0.
func TargetAddr(target int) netip.Addr { return addressOf(service, target) }

// Listen listens where clients reach a target by TCP.
func (n *Network) Listen(target int, port uint16) (ln net.Listener, err error) {
	err = n.service.do(func() (err error) {
		ln, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(TargetAddr(target), port)))
		return err
	})
	return ln, err
}

// ListenPacket listens where clients reach a target by UDP.
func (n *Network) ListenPacket(target int, port uint16) (*net.UDPConn, error) {
	return n.service.packet(netip.AddrPortFrom(TargetAddr(target), port))
}

// Dial connects a client by TCP to an address on the service's side. Of the dialer it uses Control.
func (n *Network) Dial(ctx context.Context, client int, d *net.Dialer, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return n.clients.dial(ctx, netip.AddrPortFrom(ClientAddr(client), 0), to, d.Control)
}

// Packet opens a UDP socket of a client's.
func (n *Network) Packet(client int) (*net.UDPConn, error) {
	return n.PacketAt(ClientAddr(client))
}

// PacketAt opens a UDP socket of the client that has the address.
func (n *Network) PacketAt(client netip.Addr) (*net.UDPConn, error) {
	return n.clients.packet(netip.AddrPortFrom(client, 0))
}

// Totals are what it has done so far.
func (n *Network) Totals() (t Totals) {
	for _, f := range []*forwarder{n.up, n.down} {
		f.mu.Lock()
		all := make([]Counts, len(f.counts))
		for i, c := range f.counts {
			all[i] = c
			all[i].Delay, all[i].Added = newCounts().Delay, newCounts().Added
			all[i].Delay.Merge(c.Delay)
			all[i].Added.Merge(c.Added)
		}
		f.mu.Unlock()
		if f.up {
			t.Up = all
		} else {
			t.Down = all
		}
		t.CPU += time.Duration(f.cpu.Load())
	}
	t.Missed = n.clients.missed() + n.service.missed()
	return t
}

// Close ends the network. Connections on it get no further packets.
func (n *Network) Close() { n.once.Do(n.close) }

func (n *Network) close() {
	close(n.stop)
	for _, p := range n.probes {
		p.conn.Close()
	}
	for _, f := range []*forwarder{n.up, n.down} {
		if f != nil {
			var one [8]byte
			one[0], one[7] = 1, 1 // not zero, whatever the order of bytes
			_, _ = unix.Write(f.wake, one[:])
		}
	}
	n.wg.Wait()
	for _, f := range []*forwarder{n.up, n.down} {
		if f != nil {
			_ = unix.Close(f.wake)
		}
	}
	for _, s := range []*space{n.clients, n.service} {
		if s != nil {
			s.close()
		}
	}
}
