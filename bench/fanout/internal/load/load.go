//go:build linux

// Package load is the generator of the fan-out benchmark: thousands of clients on one thread, made
// to cost far less than the servers they measure.
//
// An edge-triggered epoll instance tells which connections have something to read; one read into a
// shared buffer takes all of it; and a frame is recognised by its first bytes and counted by its
// length, without a look at its JSON. For every client the ledger counts how many of the broadcasts
// it has got. Since one client sends all of them, the order is the same for all, and the i-th
// message of the last client completes broadcast i: that is when a closed loop sends the next one,
// and when the clock of an open one stops. A run ends when every broadcast has reached every
// client; one that is missing, or one too many, is an error and never a number.
//
// The same thread reads the processor time of the server (a clock that the kernel keeps for every
// process), so that what is counted and what it cost are taken at the same moment, with nothing in
// flight.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Config says where the clients connect to and what they are.
type Config struct {
	// host:port of the server, an IPv4 address; clients take several in turn, and the first one has
	// the sender
	Servers []string
	PIDs    []int // their processes, whose processor time is read; none is this process
	// one more process whose processor time is read, ksoftirqd of the server's processor; 0 for
	// none
	Softirqd int
	Clients  int  // how many
	Polling  bool // HTTP long-polling; one more client, the sender, is on websocket
	TLS      bool // on all connections; certificates are not checked
	Stalled  int  // clients that stop reading once they are connected
	Rooms    int  // clients are dealt to this many rooms, and join them; 0 for none
	// connections from each of the addresses 127.0.0.1, 127.0.0.2, ...; default 20000
	Sources int
	Dialing int // connections being opened at a time; default 64
	// how long connecting, and how long the last message of a run, may take; default 30 s
	Limit time.Duration
	// descriptor of a stream to the generator of the other half of the clients; 0 for none
	Peer   int
	Follow bool // with Peer: the other side sends, this one tells it what has arrived
	Stdin  bool // Idle ends when standard input becomes readable
}

// frameSize is how long a broadcast is on the wire, its header of two bytes included.
const frameSize = 120

// Generator is the clients of one server. It belongs to one goroutine, as everything happens on the
// one that calls.
type Generator struct {
	cfg    Config
	addrs  []unix.SockaddrInet4 // of the servers
	epoll  int
	timer  int
	events []unix.EpollEvent
	buf    []byte
	conns  []*conn
	dialed int // connections begun
	ready  int // connections that have done all of their handshake
	ledger ledger
	mode   mode
	sender *conn
	rounds uint64 // messages to each room so far
	ticks  uint64 // of the timer, since they were last asked for
	busy   bool   // never sleep
	input  bool   // standard input is readable
}

// A mode is what is being measured: what arrives, and what is to be sent when a batch of events is
// done.
type mode interface {
	ack(g *Generator, c *conn, answer []byte) error
	batch(g *Generator) error
}

// Descriptors that are not clients carry these instead of an index.
const (
	tagTimer = -1 - iota
	tagPeer
	tagInput
)

// New makes a generator without connections.
func New(cfg Config) (*Generator, error) {
	var addrs []unix.SockaddrInet4
	for _, server := range cfg.Servers {
		at, err := netip.ParseAddrPort(server)
		if err != nil || !at.Addr().Is4() {
			return nil, fmt.Errorf("server %q is no IPv4 address with a port", server)
		}
		addrs = append(addrs, unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	}
	if len(addrs) == 0 {
		return nil, errors.New("no server is named")
	}
	cfg.Sources, cfg.Dialing = or(cfg.Sources, 20_000), or(cfg.Dialing, 64)
	cfg.Limit = or(cfg.Limit, 30*time.Second)
	g := &Generator{
		cfg:    cfg,
		addrs:  addrs,
		events: make([]unix.EpollEvent, 512),
		buf:    make([]byte, 256<<10),
		mode:   quiet{},
	}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	if g.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making a timer: %w", err)
	}
	err = g.watch(g.timer, tagTimer, unix.EPOLLIN)
	if cfg.Peer != 0 {
		err = errors.Join(err, g.watch(cfg.Peer, tagPeer, unix.EPOLLIN))
	}
	if cfg.Stdin {
		err = errors.Join(err, g.watch(unix.Stdin, tagInput, unix.EPOLLIN))
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Close ends all connections at once, without the states that the kernel keeps after an orderly
// end.
func (g *Generator) Close() {
	for _, c := range g.conns {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(c.fd)
	}
	g.conns = nil
	_ = unix.Close(g.timer)
	_ = unix.Close(g.epoll)
}

func (g *Generator) watch(fd, tag int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(tag)}
	if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watching a descriptor: %w", err)
	}
	return nil
}

// loop handles events until done, which is asked after every batch of them.
func (g *Generator) loop(limit time.Duration, done func() bool) error {
	deadline := time.Now().Add(limit)
	for i := 1; !done(); i++ {
		wait := 100
		if g.busy {
			wait = 0
		}
		n, err := unix.EpollWait(g.epoll, g.events, wait)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for readiness: %w", err)
		}
		for _, ev := range g.events[:max(n, 0)] {
			if err := g.event(ev); err != nil {
				return err
			}
		}
		if err := g.mode.batch(g); err != nil {
			return err
		}
		if (n <= 0 || i%1024 == 0) && time.Now().After(deadline) {
			return errLate
		}
	}
	return nil
}

var errLate = errors.New("it took too long")

func (g *Generator) event(ev unix.EpollEvent) error {
	switch ev.Fd {
	case tagTimer:
		var count [8]byte
		if n, err := unix.Read(g.timer, count[:]); err == nil && n == 8 {
			g.ticks += nativeUint64(count)
		}
		return nil
	case tagPeer:
		return g.ledger.hear(g.cfg.Peer)
	case tagInput:
		g.input = true
		return nil
	}
	c := g.conns[ev.Fd]
	if ev.Events&unix.EPOLLOUT != 0 && (c.state == dialing || len(c.out) > 0) {
		if err := c.writable(g); err != nil {
			return c.wrap(err)
		}
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		if err := c.read(g); err != nil {
			return c.wrap(err)
		}
	}
	return nil
}

// Connect opens all connections, and returns when each has joined the namespace and its room.
func (g *Generator) Connect() error {
	total := g.cfg.Clients
	if g.cfg.Polling {
		total++
	}
	return g.connect(total)
}

// ConnectMore opens n further connections.
func (g *Generator) ConnectMore(n int) error {
	g.cfg.Clients += n
	return g.connect(len(g.conns) + n)
}

func (g *Generator) connect(total int) error {
	g.ledger.receivers = g.cfg.Clients - g.cfg.Stalled
	before := g.mode
	g.mode = connecting{total: total}
	defer func() { g.mode = before }()
	if err := g.mode.batch(g); err != nil {
		return err
	}
	err := g.loop(g.cfg.Limit, func() bool { return g.ready == total })
	if errors.Is(err, errLate) {
		return fmt.Errorf("only %d of %d clients connected within %v", g.ready, total, g.cfg.Limit)
	}
	if err == nil {
		err = g.stall()
	}
	if err == nil && !g.cfg.Follow {
		g.sender = g.conns[total-1]
		if !g.cfg.Polling {
			g.sender = g.conns[0]
		}
	}
	return err
}

// stall lets the last clients stop to read. Their receive buffers are made small, so that the
// server soon has to keep what it has for them.
func (g *Generator) stall() error {
	for _, c := range g.conns[len(g.conns)-g.cfg.Stalled:] {
		c.receives = false
		if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096); err != nil {
			return fmt.Errorf("making a receive buffer small: %w", err)
		}
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_DEL, c.fd, nil); err != nil {
			return fmt.Errorf("leaving a connection alone: %w", err)
		}
	}
	return nil
}

// connecting keeps Config.Dialing connections on their way.
type connecting struct {
	quiet
	total int
}

func (m connecting) batch(g *Generator) error {
	for g.dialed < m.total && g.dialed-g.ready < g.cfg.Dialing {
		if err := g.dial(g.cfg.Polling && g.dialed < g.cfg.Clients); err != nil {
			return err
		}
		g.dialed++
	}
	return nil
}

// quiet only answers heartbeats and counts.
type quiet struct{}

func (quiet) ack(*Generator, *conn, []byte) error {
	return errors.New("an acknowledgement arrived that nobody asked for")
}

func (quiet) batch(g *Generator) error { return g.ledger.tell(&g.cfg) }

// Idle keeps the connections alive until standard input is readable.
func (g *Generator) Idle() error {
	g.input = false
	return g.loop(time.Hour, func() bool { return g.input })
}

// Rest keeps the connections alive for d.
func (g *Generator) Rest(d time.Duration) error {
	end := time.Now().Add(d)
	return g.loop(time.Hour, func() bool { return time.Now().After(end) })
}

// message is an event of the benchmark contract with a payload that makes its delivery frameSize
// bytes long: head is what comes before the event's name.
func message(head string) []byte {
	return []byte("42" + head + `"msg",` + payload() + "]")
}

func payload() string {
	const without = len(`42["msg",{"p":""}]`)
	return `{"p":"` + strings.Repeat("x", frameSize-2-without) + `"}`
}
