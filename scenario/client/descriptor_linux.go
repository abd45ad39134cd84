package client

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/scenario/client/deadline"
)

// A descriptor is the connection of a client that Readers read: a socket that the runtime does not
// know. One goroutine at a time has the turn to read, and only with the turn is it closed: it
// cannot be reused for another connection during a read. A write has the lock for that.
type descriptor struct {
	loop  *loop
	w     *websocket
	h     Handler
	ended func(error)

	turn     atomic.Int32   // see below
	stopped  atomic.Bool    // nothing is to be read any more
	closing  atomic.Bool    // nor does it stay open
	deadline atomic.Int64   // by which something has to be read, as Now; 0: none
	entry    deadline.Entry // of the loop's queue, which calls for it at the deadline

	place int32 // in the loop's table; guarded by its lock

	// Of who has the turn.
	short   bool          // of its last read
	stamped bool          // see reader
	drained time.Duration // likewise
	since   time.Duration // when the loop began to watch it alone

	mu   sync.Mutex
	fd   int           // -1: closed
	room chan struct{} // wakes a Write that waits for room; nil: there was none
}

// Who has the turn.
const (
	resting int32 = iota // nobody
	reading              // a goroutine that reads, or handles what was read
	gone                 // nobody ever again
)

// attempt reads once into rd, which the caller has the turn of.
func (d *descriptor) attempt(rd *reader) { rd.attempt(uintptr(d.fd)) }

// lend gives the client what it needs for a turn, which its owner has: w, and r unless it has a
// reader with bytes in it. Between two turns clients have neither.
func (d *descriptor) lend(w *work, r *reader) {
	d.w.c.work = w
	if d.w.rd == nil {
		*r = reader{src: d.w.conn, lent: true, stamped: d.stamped, times: times{drained: d.drained, short: d.short}}
		d.w.rd = r
	}
}

// takeBack is the end of that.
func (d *descriptor) takeBack() {
	rd := d.w.rd
	d.w.c.work = nil
	d.short, d.stamped, d.drained = rd.short, rd.stamped, rd.drained
	switch {
	case rd.buf == nil && rd.rest == nil:
		d.w.rd = nil
	case rd.lent:
		own := *rd
		own.lent = false
		d.w.rd = &own
	}
}

// rest gives the turn back. An error ends the session.
func (d *descriptor) rest(err error) {
	if rd := d.w.rd; err != nil {
		rd.release()
		rd.rest = nil
	}
	d.takeBack()
	if err != nil {
		d.turn.Store(gone)
		d.leave(err)
		return
	}
	d.turn.Store(resting)
	if d.stopped.Load() && d.turn.CompareAndSwap(resting, gone) {
		d.leave(net.ErrClosed)
	}
}

// leave is called once, when nothing is read any more.
func (d *descriptor) leave(err error) {
	d.loop.deadlines.Drop(&d.entry)
	d.loop.forget(d)
	if d.closing.Load() {
		d.close()
	}
	go func() { d.ended(d.w.c.over(err)) }()
}

// stop makes the reading end at the end of the turn.
func (d *descriptor) stop() {
	d.stopped.Store(true)
	d.roomy()
	if d.turn.CompareAndSwap(resting, gone) {
		d.leave(net.ErrClosed)
	}
}

// Due calls for a client whose deadline has passed.
func (d *descriptor) Due(now time.Duration) time.Duration {
	at := time.Duration(d.deadline.Load())
	switch {
	case at == 0 || d.turn.Load() == gone:
		return 0
	case at > now:
		return at
	case !d.turn.CompareAndSwap(resting, reading):
		return now + 10*time.Millisecond // somebody reads
	}
	d.lend(&work{}, &reader{})
	err := d.w.c.late(d.w.rd)
	if err == nil {
		err = d.w.turn(d.h, false)
	}
	d.since = Now() // what the loop has seen meanwhile says nothing
	d.rest(err)
	if err != nil {
		return 0
	}
	return time.Duration(d.deadline.Load())
}

// tryWrite writes what the system takes at once.
func (d *descriptor) tryWrite(b []byte) (n int, err error) {
	d.mu.Lock()
	for n < len(b) && err == nil {
		if d.fd < 0 || d.stopped.Load() {
			err = net.ErrClosed
			break
		}
		wrote, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(d.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b[n:]))), uintptr(len(b)-n))
		switch errno {
		case 0:
			n += int(wrote)
			continue
		case unix.EINTR:
			continue
		case unix.EAGAIN:
		default:
			err = os.NewSyscallError("write", errno)
		}
		break
	}
	d.mu.Unlock()
	d.w.c.bytes.out.Add(uint64(n))
	return n, err
}

// Write waits for room as often as need be. One goroutine at a time may call it.
func (d *descriptor) Write(b []byte) (n int, err error) {
	for {
		wrote, err := d.tryWrite(b[n:])
		if n += wrote; err != nil || n == len(b) {
			return n, err
		}
		room, err := d.askRoom()
		if err != nil {
			return n, err
		}
		<-room
	}
}

// askRoom asks for a signal when there is room to write, which comes at once if there is some now.
func (d *descriptor) askRoom() (<-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == nil {
		d.room = make(chan struct{}, 1)
	}
	if d.fd < 0 || d.stopped.Load() {
		return nil, net.ErrClosed
	}
	return d.room, d.loop.watch(unix.EPOLL_CTL_MOD, d, unix.EPOLLIN|unix.EPOLLOUT)
}

// hasRoom is called when there is.
func (d *descriptor) hasRoom() {
	d.mu.Lock()
	if d.fd >= 0 {
		_ = d.loop.watch(unix.EPOLL_CTL_MOD, d, unix.EPOLLIN) // it fails where nothing is watched any more
	}
	d.mu.Unlock()
	d.roomy()
}

// roomy wakes Write.
func (d *descriptor) roomy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == nil {
		return
	}
	select {
	case d.room <- struct{}{}:
	default:
	}
}

// Close closes the socket, at once or at the end of the turn that is under way.
func (d *descriptor) Close() error {
	d.closing.Store(true)
	d.stop()
	if d.turn.Load() == gone {
		d.close()
	}
	return nil
}

// unread is that of a connection.
func (d *descriptor) unread() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	// in this order: nobody takes anything from the socket without the turn
	return d.fd < 0 || readable(uintptr(d.fd)) || d.turn.Load() != resting
}

// close closes the socket; nobody has the turn.
func (d *descriptor) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd >= 0 {
		_ = unix.Close(d.fd)
		d.fd = -1
	}
}

// SetReadDeadline lets the client be called for at t.
func (d *descriptor) SetReadDeadline(t time.Time) error {
	at := Now() + time.Until(t)
	d.deadline.Store(int64(max(1, at)))
	d.loop.deadlines.Set(&d.entry, at)
	return nil
}

// SetDeadline ends the reading where t has passed, as Vanish has it; there are no others.
func (d *descriptor) SetDeadline(t time.Time) error {
	if time.Until(t) <= 0 {
		d.stop()
	}
	return nil
}

// The rest of net.Conn, which a client does not use.
func (d *descriptor) Read([]byte) (int, error)         { return 0, io.EOF }
func (d *descriptor) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
func (d *descriptor) LocalAddr() net.Addr              { return nil }
func (d *descriptor) RemoteAddr() net.Addr             { return nil }

// oneMore is held while a connection has two descriptors: a process at its limit of descriptors has
// to have one to spare, and not one for each client.
var oneMore sync.Mutex

// move makes d the connection of its client, in place of one that the runtime knows; false when
// that cannot be done now.
func (d *descriptor) move() bool {
	w, c := d.w, d.w.c
	w.mu.Lock()
	defer w.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil || w.flushing {
		return false
	}
	oneMore.Lock()
	defer oneMore.Unlock()
	var err error
	control := w.conn.raw.Control(func(fd uintptr) { d.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil || control != nil {
		return false
	}
	_ = w.conn.Close() // the socket lives on
	*w.conn = conn{Conn: d, moved: d, bytes: w.conn.bytes}
	w.rd.try = nil
	return true
}
