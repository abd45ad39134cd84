package poll

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is the raw path: system calls on a descriptor that the runtime does not know. What goes
// to many at once may be written by io_uring instead: see package outlet.
//
// net.Conn.Write would park the goroutine when the kernel's buffer is full, and one slow reader
// would then stop a broadcast to all the others; it also costs up to twice the CPU time per
// message. Its guarantees are kept here: the lock of a Conn is held during every system call, none
// of which blocks, and the descriptor is closed under the same lock. So it cannot be closed, and
// reused for another client, while somebody uses it, and a later caller finds it closed. The outlet
// of a session (package outlet) writes to the descriptor without that lock: its session has ended,
// and has closed the outlet, before the descriptor is closed.
//
// The calls are raw in Go's sense too: the scheduler is not informed of them. It would get ready to
// lend the processor to somebody else, and wake its watching thread if that sleeps, for calls that
// are over in a few microseconds since none of them waits. An echo gets 5 % cheaper by it, and a
// message to a small room a fifth, on a server that is idle between two. Two kinds of write are
// announced all the same: long ones, which copy while others might run; and one in some hundred,
// picked at random so as to share no counter. The watching thread must be up when there is much to
// do: it takes the processor from handlers that compute for long, and without its company the
// system takes a process for one that never pauses, and lets it wait for its turn where many want
// to run.

// Conn is a socket that a Poller watches. It is made to be embedded in its owner; Take fills it.
// Its methods are safe for concurrent use but for Read and WriteAll, which one goroutine each may
// call at a time.
type Conn struct {
	poller *Poller
	owner  Handler
	secure *Secure // nil without TLS

	mu      sync.Mutex
	fd      int    // -1 when closed
	written uint64 // bytes, in all

	// Guarded by the poller's lock.
	place   int32
	watched bool
	state   connState

	hungUp atomic.Bool // see HungUp
	more   atomic.Bool // of secure: it may hold something that has not been read

	// room wakes a WriteAll that waits; nil while none does.
	room atomic.Pointer[chan struct{}]
}

type connState uint8

const (
	resting  connState = iota
	queued             // ready, waits for a worker
	running            // a worker is at work
	runAgain           // and something has come since it began
)

// Take makes c a descriptor of its own for the socket behind raw, whose owner may close it then;
// the connection lives on. Nothing is watched before Watch.
func (p *Poller) Take(c *Conn, raw syscall.RawConn, owner Handler) error {
	c.poller, c.owner = p, owner
	return c.duplicate(raw)
}

// TakeSecure is Take for a connection with TLS, whose handshake must be over; raw is of what is
// Below it. Its owner has nothing to do with it any more, but must Close it. It may hold something
// that has come, so Watch must be called with ready set.
func (p *Poller) TakeSecure(c *Conn, s *Secure, raw syscall.RawConn, owner Handler) error {
	err := p.Take(c, raw, owner)
	if err == nil {
		c.secure = s
		s.take(c)
	}
	return err
}

func (c *Conn) duplicate(raw syscall.RawConn) error {
	var err error
	control := raw.Control(func(fd uintptr) {
		c.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(control, err); err != nil {
		c.fd = -1
		return fmt.Errorf("duplicate a socket: %w", err)
	}
	return nil
}

// Watch starts the calls of Ready, with one at once if ready is set. If it fails there are none.
func (c *Conn) Watch(ready bool) error { return c.poller.watch(c, ready) }

// Wake makes Ready be called once more, as if something had come.
func (c *Conn) Wake() {
	p := c.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.watched {
		p.enqueue(c)
		p.summon()
	}
}

// Read reads what is there, at least one byte. If there is nothing now it returns 0 and no error,
// at the end of the stream io.EOF.
func (c *Conn) Read(b []byte) (int, error) {
	if c.secure != nil {
		return c.secure.read(c, b)
	}
	return c.read(b)
}

// read is Read of what the system has.
func (c *Conn) read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0, os.ErrClosed
	}
	for {
		n, errno := raw(unix.SYS_READ, c.fd, b)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return 0, nil
		case errno != 0:
			return 0, os.NewSyscallError("read", errno)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Descriptor returns the descriptor of a connection to which messages can be written as they are,
// until Close, and -1 for any other.
func (c *Conn) Descriptor() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secure != nil {
		return -1
	}
	return c.fd
}

// Secured reports whether there is TLS on c.
func (c *Conn) Secured() bool { return c.secure != nil }

// HungUp reports whether the end of the stream is near: what the peer sent last and its end may
// come in one event, after which there is none, so a Ready that stopped at a short read would never
// see the end.
func (c *Conn) HungUp() bool { return c.hungUp.Load() }

// LongWrite is the length of a write in bytes from which on the scheduler is told.
const LongWrite = 16 << 10

// oneIn is how many short writes there are, on average, for one that is announced.
const oneIn = 256

// raw reads or writes without telling the scheduler.
func raw(call uintptr, fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

// Write writes what the kernel takes at once to a descriptor that nobody closes meanwhile. The
// scheduler is told of long writes, and of those that are to be announced: see Conn.
func Write(fd int, b []byte, announced bool) (int, unix.Errno) {
	at, size := uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
	call := unix.RawSyscall6
	if len(b) >= LongWrite || announced {
		call = unix.Syscall6
	}
	n, _, errno := call(unix.SYS_SENDTO, uintptr(fd), at, size, unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// TryWrite writes what the kernel takes at once. n < len(b) without an error means that its buffer
// is full, and that the next call must go on with b[n:].
func (c *Conn) TryWrite(b []byte) (n int, err error) {
	if c.secure != nil {
		return c.secure.tryWrite(b)
	}
	return c.tryWrite(b)
}

// tryWrite is TryWrite of what the system gets.
func (c *Conn) tryWrite(b []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0, os.ErrClosed
	}
	for {
		n, errno := Write(c.fd, b, rand.Uint32()%oneIn == 0)
		switch errno {
		case 0:
			c.written += uint64(n)
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, os.NewSyscallError("write", errno)
		}
	}
}

// WriteAll writes b and waits for room as often as need be. Cut ends the wait.
func (c *Conn) WriteAll(b []byte) error {
	n, err := c.TryWrite(b)
	if err != nil || n == len(b) {
		return err
	}
	return c.writeSlowly(b[n:])
}

// writeSlowly waits for room first of all. It is a function of its own because the channel is
// garbage, which only callers that wait should make.
func (c *Conn) writeSlowly(b []byte) error {
	room := make(chan struct{}, 1)
	c.room.Store(&room)
	defer c.room.Store(nil)
	c.poller.watchWriting(c)
	for {
		// Tried before the first wait as well: a Cut before the Store has woken nobody.
		n, err := c.TryWrite(b)
		if b = b[n:]; err != nil || len(b) == 0 {
			return err
		}
		<-room
	}
}

// roomy wakes WriteAll to try again.
func (c *Conn) roomy() {
	if room := c.room.Load(); room != nil {
		select {
		case *room <- struct{}{}:
		default:
		}
	}
}

// Progress returns a number that grows when the peer takes something of what was written. Room for
// a write comes late: when the peer has taken a third of the kernel's buffer, which may be a
// megabyte. The acknowledged part is known at once.
func (c *Conn) Progress() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0
	}
	return c.written + Acknowledged(c.fd)
}

// Unread reports whether something has come that has not been read.
func (c *Conn) Unread() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return false
	}
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCINQ)
	return err == nil && n > 0 || c.more.Load()
}

// Acknowledged returns how many bytes the peer of a TCP socket has acknowledged, and 0 for any
// other socket.
func Acknowledged(fd int) uint64 {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return info.Bytes_acked
}

// Cut ends the connection in both directions: reads come to their end, writes fail. The owner hears
// of it by Ready, as of an end that the peer has made.
func (c *Conn) Cut() {
	c.mu.Lock()
	if c.fd >= 0 {
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // an error: the peer was faster
	}
	c.mu.Unlock()
	c.roomy()
}

// Close gives the descriptor back. Ready is not called any more, but a call that runs is not waited
// for.
func (c *Conn) Close() {
	if c.secure != nil {
		c.secure.sayGoodbye()
	}
	c.mu.Lock()
	if fd := c.detach(); fd >= 0 {
		_ = unix.Close(fd)
	}
	c.mu.Unlock()
	c.roomy()
}

// Give is Close for a socket that lives on: it returns it as a net.Conn of its own.
func (c *Conn) Give() (net.Conn, error) {
	c.mu.Lock()
	fd := c.detach()
	c.mu.Unlock()
	c.roomy()
	if fd < 0 {
		return nil, os.ErrClosed
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil || c.secure == nil {
		return nc, err
	}
	c.secure.give(nc)
	return c.secure, nil
}

// detach returns the descriptor and forgets it; the lock is held.
func (c *Conn) detach() int {
	c.poller.forget(c)
	fd := c.fd
	c.fd = -1
	return fd
}
