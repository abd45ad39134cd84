package poll

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Handler is what a Conn belongs to.
type Handler interface {
	// Ready is called when the socket may have something to read, an end included. buf is the
	// caller's to use during the call. It returns true to be called again although it has not read
	// everything: a client that sends without end must not keep a worker for itself.
	Ready(buf []byte) (again bool)
	// PeerLeft is called while Ready runs, when the stream has come to its end: what came before
	// may not have been read. See also Conn.HungUp.
	PeerLeft()
}

const (
	// readBuffer is what each worker has to read into.
	readBuffer = 16 << 10
	// batch is how many events one call of the kernel may give.
	batch = 128
)

// Poller watches sockets and calls their owners. Its methods are safe for concurrent use.
type Poller struct {
	file *os.File // the epoll instance
	raw  syscall.RawConn
	fd   int // the same, for epoll_ctl; valid until Close

	workers sync.WaitGroup

	mu      sync.Mutex
	idle    sync.Cond // followers wait to be summoned
	queue   []*Conn   // ready; from first on
	first   int
	leading bool // a worker waits for readiness
	coming  int  // workers that are summoned or started and have not got here yet
	parked  int  // followers
	active  int  // workers that call Ready
	procs   int  // processors, as of the last time that they were asked for
	waits   uint // for readiness
	closed  bool

	places []place // where an event finds its Conn
	free   []int32
}

// place is an entry of the table of sockets. An event that was on its way when its socket was
// closed has an old turn and is ignored.
type place struct {
	conn *Conn
	turn int32
}

// New returns a poller. Its first worker starts with the first Conn.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // makes os.NewFile watch it
		_ = unix.Close(fd)
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	p := &Poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	p.idle.L = &p.mu
	return p, nil
}

// Close ends the workers and waits for them. All sockets must have been closed.
func (p *Poller) Close() {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.idle.Broadcast()
	p.mu.Unlock()
	if !closed {
		_ = p.file.Close() // ends the leader's wait
	}
	p.workers.Wait()
}

// watch enters c into the table and asks for its events. With ready set, c is called at once.
func (p *Poller) watch(c *Conn, ready bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	if n := len(p.free); n > 0 {
		c.place = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		c.place = int32(len(p.places))
		p.places = append(p.places, place{})
	}
	at := &p.places[c.place]
	at.conn = c
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, c.fd, p.event(c, false)); err != nil {
		p.vacate(c)
		return fmt.Errorf("watch a socket: %w", err)
	}
	c.watched = true
	if ready {
		p.enqueue(c)
	}
	if ready || !p.leading {
		p.summon()
	}
	return nil
}

// event is what is asked of the kernel for c.
func (p *Poller) event(c *Conn, writing bool) *unix.EpollEvent {
	e := &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     c.place, Pad: p.places[c.place].turn,
	}
	if writing {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

// watchWriting asks for an event when there is room to write, which comes at once if there is some
// now.
func (p *Poller) watchWriting(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.watched {
		// It cannot fail for a socket that is watched, and if it does, the session's heartbeat ends
		// the wait.
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, c.fd, p.event(c, true))
	}
}

// forget removes c. Its descriptor must still be open: the kernel would go on watching the socket
// as long as any other descriptor of it is.
func (p *Poller) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.watched {
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, c.fd, nil)
		p.vacate(c)
	}
}

func (p *Poller) vacate(c *Conn) {
	at := &p.places[c.place]
	at.conn = nil
	at.turn++
	p.free = append(p.free, c.place)
	c.watched = false
}

// enqueue notes that c has something to do.
func (p *Poller) enqueue(c *Conn) {
	switch c.state {
	case resting:
		c.state = queued
		p.queue = append(p.queue, c)
	case running:
		c.state = runAgain
	}
}

func (p *Poller) next() *Conn {
	if p.first == len(p.queue) {
		return nil
	}
	c := p.queue[p.first]
	p.queue[p.first] = nil
	if p.first++; p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
	return c
}

// summon gets one more worker here, unless one is coming already.
func (p *Poller) summon() {
	if p.coming > 0 || p.closed {
		return
	}
	p.coming++
	if p.parked > 0 {
		p.parked--
		p.idle.Signal()
		return
	}
	p.workers.Go(p.work)
}

// work is one worker.
func (p *Poller) work() {
	buf := make([]byte, readBuffer)
	events := newEvents()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming--
	for !p.closed {
		switch c := p.next(); {
		case c != nil:
			p.serve(c, buf)
		case !p.leading:
			p.lead(events)
		case p.parked > p.procs:
			return
		default:
			p.parked++
			p.idle.Wait()
			p.coming--
		}
	}
}

// serve calls Ready, with the lock released.
func (p *Poller) serve(c *Conn, buf []byte) {
	c.state = running
	p.active++
	// Ready may block: somebody has to lead then. And while more sockets are ready, more processors
	// can be at work.
	if !p.leading || (p.first < len(p.queue) && p.active < p.procs) {
		p.summon()
	}
	p.mu.Unlock()
	again := c.owner.Ready(buf)
	p.mu.Lock()
	p.active--
	again = again || c.state == runAgain
	c.state = resting
	if again && c.watched {
		p.enqueue(c)
	}
}

// procsEvery is how many waits there are for a look at how many processors there are, which takes a
// lock of the scheduler. They seldom change.
const procsEvery = 256

// lead waits for events and turns them into work, with the lock released while it waits.
func (p *Poller) lead(events *events) {
	p.leading = true
	procs, ask := p.procs, p.waits%procsEvery == 0
	p.waits++
	p.mu.Unlock()
	ready := p.wait(events)
	if ask {
		procs = runtime.GOMAXPROCS(0)
	}
	p.mu.Lock()
	p.leading, p.procs = false, procs
	for i := range ready {
		e := &ready[i]
		at := &p.places[e.Fd]
		if at.turn != e.Pad || at.conn == nil {
			continue
		}
		if e.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			at.conn.roomy()
		}
		if e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			at.conn.hungUp.Store(true)
			if at.conn.state >= running { // for how long, nobody knows
				p.workers.Go(at.conn.owner.PeerLeft)
			}
		}
		if e.Events&^unix.EPOLLOUT != 0 {
			p.enqueue(at.conn)
		}
	}
}

// wait returns events, of which there are none only when the poller is closed.
func (p *Poller) wait(e *events) []unix.EpollEvent {
	e.n = 0
	_ = p.raw.Read(e.ask)
	return e.all[:max(e.n, 0)]
}

// events is where a worker gets events.
type events struct {
	all []unix.EpollEvent
	n   int                   // how many the last call gave
	ask func(fd uintptr) bool // gets some: a function that is made once, and not for each wait
}

func newEvents() *events {
	e := &events{all: make([]unix.EpollEvent, batch)}
	e.ask = func(fd uintptr) bool {
		for {
			var errno unix.Errno
			e.n, errno = ask(fd, e.all)
			if errno != unix.EINTR {
				return e.n != 0 || errno != 0
			}
		}
	}
	return e
}

// ask returns the events there are. It does not wait, so the scheduler is not informed of the call;
// see Conn.
func ask(epoll uintptr, events []unix.EpollEvent) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll,
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	return int(n), errno
}
