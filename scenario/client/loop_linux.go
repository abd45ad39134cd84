package client

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/scenario/client/deadline"
)

// eventsAtOnce is how many clients a loop learns of in one system call.
const eventsAtOnce = 128

// maxWait bounds one wait of a loop. Nothing depends on it but how often an idle loop looks round.
const maxWait = 100 * time.Millisecond

// A loop is a goroutine that reads for many clients. The system tells it which of their sockets
// have something, and goes on to do so until nothing is left (level-triggered): one read a turn is
// enough, and none finds nothing.
//
// It waits in the system and not in the runtime's poller, and keeps its thread and its place of
// the runtime meanwhile. A goroutine that the poller wakes has the scheduler look for work, wake
// another thread to look for more, and wait again, for each message that comes alone. Measured with
// 500 clients that ask for 20 echoes a second each, in processor time of bare clients with a
// goroutine each: 1.3 times theirs with a loop in the runtime's poller, 0.96 times as here. When
// the runtime needs the goroutine, for a collection of garbage, it ends the wait by a signal.
type loop struct {
	fd     int // of epoll
	bell   int // an eventfd: the loop is to end
	closed atomic.Bool
	woke   bool   // a handler has woken a goroutine in this round
	work   work   // of the client that is being read
	reader reader // likewise
	events [eventsAtOnce]unix.EpollEvent
	n      int
	// who can be read, and who can be written to, as of the last events
	ready, roomy []*descriptor
	// When the system was asked, and when it was asked before and named all that it could: a socket
	// that it did not name then was empty.
	asked, empty time.Duration

	deadlines *deadline.Queue // of all loops

	mu      sync.Mutex
	table   []place
	free    []int32
	watched func() // see Readers.Watch
}

// What the events of a loop are about that are of no client.
const (
	ofBell    = -1
	ofWatched = -2
)

// A place in the table belongs to one client after the other: turn tells whose an event is.
type place struct {
	d    *descriptor
	turn int32
}

// take moves c to a loop; false when it cannot be, and nothing has happened.
func (r *Readers) take(c *Client, h Handler, ended func(error)) bool {
	l := r.loop()
	if l == nil {
		return false
	}
	d := &descriptor{loop: l, w: c.ws, h: h, ended: ended}
	d.entry.Owner = d
	d.turn.Store(reading)
	if !d.move() {
		return false
	}
	c.ws.rd.late = nil
	err := c.begin(h)
	if err == nil {
		err = c.ws.turn(h, false)
	}
	if err == nil {
		err = l.enter(d)
	}
	d.rest(err)
	return true
}

// loop is the one that the next client belongs to; nil when there can be none.
func (r *Readers) loop() *loop {
	r.mu.Lock()
	defer r.mu.Unlock()
	// the loops' places of the runtime, and a pacer's, are beyond the processors
	if most := min(runtime.NumCPU(), runtime.GOMAXPROCS(0)); len(r.loops) < most {
		l, err := newLoop()
		if err != nil {
			return nil
		}
		l.deadlines = &r.deadlines
		if len(r.loops) == 0 {
			r.deadlines.Clock = Now
		}
		r.loops = append(r.loops, l)
		r.wg.Go(func() {
			if r.Place != nil {
				defer r.Place()()
			}
			l.run()
		})
	}
	r.next++
	return r.loops[r.next%len(r.loops)]
}

// newLoop opens what a loop waits on.
func newLoop() (l *loop, err error) {
	l = &loop{bell: -1}
	if l.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, l.bell, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: ofBell})
	}
	if err != nil {
		l.release()
		return nil, os.NewSyscallError("eventfd", err)
	}
	return l, nil
}

// release gives the descriptors back.
func (l *loop) release() {
	_ = unix.Close(l.fd)
	if l.bell >= 0 {
		_ = unix.Close(l.bell)
	}
}

// close ends run.
func (l *loop) close() {
	l.closed.Store(true)
	one := [8]byte{1}
	_, _ = unix.Write(l.bell, one[:])
}

// run reads until close.
func (l *loop) run() {
	defer l.release()
	for !l.closed.Load() {
		l.wait()
		if watched := l.collect(); watched != nil {
			watched()
		}
		for _, d := range l.roomy {
			d.hasRoom()
		}
		for _, d := range l.ready {
			l.serve(d)
		}
		clear(l.ready) // they may end
		clear(l.roomy)
		if l.n < eventsAtOnce {
			l.empty = l.asked
		}
		if l.woke { // so that what it has woken runs here, and needs no other thread
			l.woke = false
			runtime.Gosched()
		}
	}
}

// wait asks for events until there are some, or a signal comes.
func (l *loop) wait() {
	l.asked = Now()
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.fd), uintptr(unsafe.Pointer(&l.events[0])), eventsAtOnce, uintptr(maxWait/time.Millisecond), 0, 0)
	if errno != 0 {
		n = 0 // EINTR
	}
	l.n = int(n)
}

// collect finds whose events there are, and returns what is to be called for what is watched.
func (l *loop) collect() (watched func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready, l.roomy = l.ready[:0], l.roomy[:0]
	for i := range l.events[:l.n] {
		e := &l.events[i]
		if e.Fd == ofWatched {
			watched = l.watched
		}
		if e.Fd < 0 {
			continue
		}
		at := &l.table[e.Fd]
		if at.turn != e.Pad || at.d == nil {
			continue
		}
		if e.Events&unix.EPOLLOUT != 0 {
			l.roomy = append(l.roomy, at.d)
		}
		if e.Events&^unix.EPOLLOUT != 0 {
			l.ready = append(l.ready, at.d)
		}
	}
	return watched
}

func (r *Readers) watch(fd int, f func()) bool {
	l := r.loop()
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watched != nil {
		return false
	}
	l.watched = f
	return unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: ofWatched}) == nil
}

// serve reads for one client.
func (l *loop) serve(d *descriptor) {
	if !d.turn.CompareAndSwap(resting, reading) {
		return
	}
	d.lend(&l.work, &l.reader)
	if rd := d.w.rd; rd.short && l.empty > d.since {
		rd.drained = max(rd.drained, l.empty)
	}
	l.work.msg.Woke = false
	err := d.w.turn(d.h, true)
	l.woke = l.woke || l.work.msg.Woke
	d.rest(err)
}

// enter begins to watch d.
func (l *loop) enter(d *descriptor) error {
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		d.place = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		d.place = int32(len(l.table))
		l.table = append(l.table, place{})
	}
	l.table[d.place].d = d
	l.mu.Unlock()
	err := l.watch(unix.EPOLL_CTL_ADD, d, unix.EPOLLIN)
	d.since = Now()
	return err
}

// watch tells the system which events of d to report.
func (l *loop) watch(how int, d *descriptor, events uint32) error {
	l.mu.Lock()
	e := unix.EpollEvent{Events: events, Fd: d.place, Pad: l.table[d.place].turn}
	l.mu.Unlock()
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.fd, how, d.fd, &e))
}

// forget ends the watch.
func (l *loop) forget(d *descriptor) {
	l.mu.Lock()
	if int(d.place) < len(l.table) && l.table[d.place].d == d {
		at := &l.table[d.place]
		at.d = nil
		at.turn++
		l.free = append(l.free, d.place)
	}
	l.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd >= 0 {
		_ = unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, d.fd, nil) // an error: it was not watched
	}
}
