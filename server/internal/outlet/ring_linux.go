package outlet

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/server/internal/poll"
)

// This file is io_uring by raw system calls, as far as sends need it: io_uring(7), and the names of
// linux/io_uring.h.
//
// A send stands by itself and must not wait (MSG_DONTWAIT): it is over when the call that submits
// it returns, or has failed with EAGAIN. So the kernel has done with the bytes then, nothing is
// ever cancelled, and the ring needs no thread of its own. What else io_uring offers has been
// measured by bench/uring and gains nothing here: links, which would cancel the sends behind one
// that fails; registered descriptors; results of failures only; the kernel's own thread.

const (
	hasRings = true

	// ringSize is how many sends are submitted together, a power of two. More save little, and the
	// outlets of all of them stay locked until the last one is written: some tenths of a
	// millisecond, in which the processor cannot be given to another either.
	ringSize = 32

	// longSend is the length in bytes from which on a message is sent by itself: copying is most of
	// its cost then, and the others would wait for it.
	longSend = poll.LongWrite
)

// From linux/io_uring.h.
const (
	ringFeatSingleMmap = 1 << 0
	ringEnterGetEvents = 1 << 0
	ringOpSend         = 26
	ringOffsetSQEs     = 0x10000000
)

// sqe is a submission, struct io_uring_sqe.
type sqe struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	len, msgFlags uint32
	userData      uint64
	_             [24]byte
}

// cqe is a completion, struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32
	sq                                                                     struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// ring is an io_uring instance. One goroutine at a time may use it, on any thread.
type ring struct {
	fd             int
	queues, sqMap  []byte // mapped
	sqes           []sqe
	cqes           []cqe
	sqTail         *uint32
	cqHead, cqTail *uint32

	n       int // added and not submitted
	results [ringSize]int32

	// enter is the function of that name; tests plant refusals here.
	enter func(r *ring, submit, wait int) (taken int, errno unix.Errno)
}

// newRing returns a ring that has been seen to work, or why there is none.
func newRing() (*ring, error) {
	var p ringParams
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, ringSize, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	r := &ring{fd: int(fd), enter: enter}
	err := r.mapQueues(&p)
	if err == nil {
		err = r.try()
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// mapQueues maps the queues and fills in what is the same in all submissions.
func (r *ring) mapQueues(p *ringParams) (err error) {
	if p.features&ringFeatSingleMmap == 0 {
		return errors.New("io_uring of a kernel before 5.4")
	}
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+4*p.sqEntries, p.cq.cqes+uint32(unsafe.Sizeof(cqe{}))*p.cqEntries)
	if r.queues, err = unix.Mmap(r.fd, 0, int(size), access, kind); err != nil {
		return fmt.Errorf("mapping the queues of io_uring: %w", err)
	}
	if r.sqMap, err = unix.Mmap(r.fd, ringOffsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), access, kind); err != nil {
		return fmt.Errorf("mapping the submissions of io_uring: %w", err)
	}
	// The kernel gives the places of these words. It keeps them aligned, and the mappings are not
	// the collector's: nothing of Go's memory is ever found through them.
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.queues[at])) }
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.sqMap[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.queues[p.cq.cqes])), p.cqEntries)
	r.sqTail, r.cqHead, r.cqTail = word(p.sq.tail), word(p.cq.head), word(p.cq.tail)
	if p.sqEntries != ringSize || p.cqEntries < ringSize || p.cqEntries&(p.cqEntries-1) != 0 {
		return fmt.Errorf("io_uring has queues of %d and %d entries, for %d", p.sqEntries, p.cqEntries, ringSize)
	}
	for i := range r.sqes {
		*word(p.sq.array + 4*uint32(i)) = uint32(i) // submissions are taken in the order in which they lie
		r.sqes[i] = sqe{opcode: ringOpSend, msgFlags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL}
	}
	return nil
}

// try finds out whether the kernel does what it is asked for: it may know no sends (before 5.6), or
// a filter of system calls may allow the rings and not their use.
func (r *ring) try() error {
	r.add(-1, nil)
	if err := r.submit(nil); err != nil {
		return err
	}
	if got := r.results[0]; got != -int32(unix.EBADF) {
		return fmt.Errorf("a send by io_uring gives %d where there is no descriptor, want %d", got, -int32(unix.EBADF))
	}
	return nil
}

// close gives everything back. Nothing is under way.
func (r *ring) close() error {
	var errs []error
	for _, m := range [][]byte{r.queues, r.sqMap} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	return errors.Join(append(errs, unix.Close(r.fd))...)
}

// add puts in a send of b to a socket that nobody closes before submit returns. There is room for
// ringSize of them. b must not be on a stack, which may move: the kernel gets its address.
func (r *ring) add(fd int32, b []byte) {
	e := &r.sqes[(*r.sqTail+uint32(r.n))%ringSize]
	e.fd, e.userData = fd, uint64(r.n)
	e.addr, e.len = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))
	r.results[r.n] = 0
	r.n++
}

// submit does what was added with b. results has then, in the order of add, the bytes that were
// sent of each or a negative errno. After an error, which is of the calls and not of a send, the
// ring must not be used any more, and the results hold nevertheless: what the kernel has not taken
// has sent nothing.
func (r *ring) submit(b []byte) error {
	n, first := r.n, *r.sqTail
	r.n = 0
	atomic.StoreUint32(r.sqTail, first+uint32(n))
	taken, err := 0, error(nil)
	for taken < n && err == nil {
		took, errno := r.enter(r, n-taken, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			err = fmt.Errorf("io_uring_enter: %w", errno)
		case took <= 0:
			err = errors.New("io_uring_enter takes nothing")
		default:
			taken += took
		}
	}
	if err != nil { // the kernel looks at the tail only when it is called
		atomic.StoreUint32(r.sqTail, first+uint32(taken))
	}
	err = errors.Join(err, r.collect(first, taken))
	runtime.KeepAlive(b) // the kernel has had only its address
	return err
}

// collect takes the results of the sends from place first on. They are there, since no send waits;
// if not, they are waited for, as the kernel reads the bytes until then.
func (r *ring) collect(first uint32, taken int) error {
	var done [ringSize]bool
	for head, got := *r.cqHead, 0; ; {
		for tail := atomic.LoadUint32(r.cqTail); head != tail; head++ {
			c := &r.cqes[head&uint32(len(r.cqes)-1)]
			i := c.userData % ringSize
			r.results[i], done[i] = c.res, true
			got++
		}
		atomic.StoreUint32(r.cqHead, head)
		if got >= taken {
			return nil
		}
		if _, errno := r.enter(r, 0, taken-got); errno != 0 && errno != unix.EINTR {
			for i := range taken {
				if !done[i] { // sent or not: nothing may follow it
					r.results[i] = -int32(unix.ECANCELED)
					_ = unix.Shutdown(int(r.sqes[(first+uint32(i))%ringSize].fd), unix.SHUT_RDWR)
				}
			}
			return fmt.Errorf("io_uring_enter does not wait: %w", errno)
		}
	}
}

// enter is the system call: it submits, or waits for so many results.
//
// The scheduler is told of it, unlike of most writes to one (see poll.Conn): it takes as long as
// some tens of them, for which others may run. If it is not told, a server that shares its
// processor with much else gets half of the turns, and messages come that much later.
func enter(r *ring, submit, wait int) (taken int, errno unix.Errno) {
	var flags uintptr
	if wait > 0 {
		flags = ringEnterGetEvents
	}
	n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(submit), uintptr(wait), flags, 0, 0)
	return int(n), errno
}
