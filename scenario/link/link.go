package link

import (
	"context"
	"net"
	"sync"
	"time"
)

// A State is what a link does to all of its connections. The zero value passes everything on.
type State struct {
	// of each direction, whole milliseconds; Jitter either way, and in order, so that what is busy
	// is delayed by more than Delay on average
	Delay, Jitter time.Duration
	// bytes per second of each direction of each connection, a multiple of 1000; 0: no limit
	Rate int
	Cut  bool // every connection is reset, new ones at once
}

// A Link listens on an address of this machine, and passes what comes on to a server. Goroutines
// may share it.
type Link struct {
	ln     net.Listener
	target string
	dial   Dial
	ahead  int             // pieces of data that may be on their way in each direction
	ctx    context.Context // ends with the link
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	pipes  map[*pipe]bool
	state  State
	n      uint64
	closed bool
}

// dialWithin bounds the connection to the server.
const dialWithin = 10 * time.Second

// Dial connects to host:port on a network, tcp or udp, and returns a connection of package net. A
// link calls it for each connection that it passes on, from several goroutines.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Start makes a link to a server, whose address is host:port. The caller closes it. dial nil is
// package net's, which asks the system for a name each time.
func Start(target string, dial Dial) (*Link, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return begin(ln, target, dial, maxDelayed), nil
}

// On makes a link that listens where the caller says, and closes the listener with it. It is meant
// for listeners on a network that delays by itself: it reads little ahead of what it can write, so
// that a client that reads slowly slows the server down. dial is as for Start.
func On(ln net.Listener, target string, dial Dial) *Link { return begin(ln, target, dial, 1) }

func begin(ln net.Listener, target string, dial Dial, ahead int) *Link {
	l := &Link{ln: ln, target: target, dial: dial.orDefault(), ahead: ahead, pipes: map[*pipe]bool{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Go(l.accept)
	return l
}

func (d Dial) orDefault() Dial {
	if d == nil {
		return new(net.Dialer).DialContext
	}
	return d
}

// Addr is where clients connect.
func (l *Link) Addr() string { return l.ln.Addr().String() }

// Close resets every connection, and returns when all goroutines have ended.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	_ = l.ln.Close() // accept ends
	l.each(func(p *pipe) { p.abort() })
	l.wg.Wait()
}

// Set puts the link into a state, for the connections that there are and for new ones.
func (l *Link) Set(s State) {
	l.mu.Lock()
	same := l.state == s
	l.state = s
	l.mu.Unlock()
	if same {
		return
	}
	l.each(func(p *pipe) {
		if s.Cut {
			p.abort()
		} else {
			p.apply(s)
		}
	})
}

// Numbers are the numbers of the connections that are open, in the order in which they were made.
func (l *Link) Numbers() (open []uint64) {
	l.each(func(p *pipe) { open = append(open, p.n) })
	return open
}

// Reset resets one connection, by its number, if it is open.
func (l *Link) Reset(n uint64) {
	l.each(func(p *pipe) {
		if p.n == n {
			p.abort()
		}
	})
}

// Silence lets neither end of a connection hear anything more. It stays open until Reset, or until
// an end closes it.
func (l *Link) Silence(n uint64) {
	l.each(func(p *pipe) {
		if p.n == n {
			p.silence()
		}
	})
}

// each visits the connections that are open, without a lock.
func (l *Link) each(visit func(p *pipe)) {
	l.mu.Lock()
	all := make([]*pipe, 0, len(l.pipes))
	for p := range l.pipes {
		all = append(all, p)
	}
	l.mu.Unlock()
	for _, p := range all {
		visit(p)
	}
}

func (l *Link) accept() {
	for {
		c, err := l.ln.Accept()
		if err != nil {
			if l.ctx.Err() != nil {
				return
			}
			select { // out of file descriptors, for a moment
			case <-l.ctx.Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
			continue
		}
		l.wg.Go(func() { l.serve(c.(*net.TCPConn)) })
	}
}

// serve passes one connection on until both of its directions have ended.
func (l *Link) serve(client *net.TCPConn) {
	l.mu.Lock()
	refused := l.closed || l.state.Cut
	l.mu.Unlock()
	if refused {
		reset(client)
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, dialWithin)
	defer cancel()
	c, err := l.dial(ctx, "tcp", l.target)
	if err != nil {
		reset(client)
		return
	}
	server := c.(*net.TCPConn)
	l.mu.Lock()
	if l.closed || l.state.Cut {
		l.mu.Unlock()
		reset(client)
		reset(server)
		return
	}
	l.n++
	p := newPipe(l.n, client, server, l.state, l.ahead)
	l.pipes[p] = true
	l.mu.Unlock()
	p.run()
	l.mu.Lock()
	delete(l.pipes, p)
	l.mu.Unlock()
}

// reset closes a connection so that its other end sees a reset.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
