package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From linux/io_uring.h.
const (
	setupSQPoll       = 1 << 1
	setupCoopTaskrun  = 1 << 8
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	featSingleMmap = 1 << 0

	enterGetEvents = 1 << 0
	enterSQWakeup  = 1 << 1

	ringNeedWakeup = 1 << 0 // in the flags of the submission queue

	registerFiles = 2

	opSend = 26

	sqeFixedFile      = 1 << 0
	sqeLink           = 1 << 2
	sqeCQESkipSuccess = 1 << 6

	offsetSQRing = 0
	offsetSQEs   = 0x10000000
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

// params is struct io_uring_params.
type params struct {
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

// A ring is an io_uring instance for sends. It belongs to one thread.
type ring struct {
	way
	fd            int
	queue, sqMap  []byte // mapped
	sqes          []sqe
	cqes          []cqe
	tail, sqFlags *uint32
	cqHead        *uint32
	cqTail        *uint32
}

// newRing makes a ring of so many entries, a power of two. Sockets are registered if the way wants
// it.
func newRing(w way, entries int, sockets []int) (*ring, error) {
	p := params{flags: w.setup, sqThreadIdle: 1000}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("this kernel gives no io_uring for %q: %w (kernel.io_uring_disabled, a container's filter of system calls, or a kernel before 6.1)", w.name, errno)
	}
	r := &ring{way: w, fd: int(fd)}
	if err := r.mapped(&p); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if w.fixed {
		fds := make([]int32, len(sockets))
		for i, s := range sockets {
			fds[i] = int32(s)
		}
		if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, fd, registerFiles, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), 0, 0); errno != 0 {
			return nil, errors.Join(fmt.Errorf("registering %d descriptors: %w", len(fds), errno), r.close())
		}
	}
	return r, nil
}

// mapped maps the queues.
func (r *ring) mapped(p *params) (err error) {
	if p.features&featSingleMmap == 0 {
		return errors.New("the queues of this kernel's io_uring are not one mapping: a kernel before 5.4")
	}
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+4*p.sqEntries, p.cq.cqes+uint32(unsafe.Sizeof(cqe{}))*p.cqEntries)
	if r.queue, err = unix.Mmap(r.fd, offsetSQRing, int(size), access, kind); err != nil {
		return fmt.Errorf("mapping the queues: %w", err)
	}
	if r.sqMap, err = unix.Mmap(r.fd, offsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), access, kind); err != nil {
		return fmt.Errorf("mapping the submissions: %w", err)
	}
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.queue[at])) }
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.sqMap[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.queue[p.cq.cqes])), p.cqEntries)
	r.tail, r.sqFlags, r.cqHead, r.cqTail = word(p.sq.tail), word(p.sq.flags), word(p.cq.head), word(p.cq.tail)
	// Submissions are taken in the order in which they lie.
	for i := range p.sqEntries {
		*word(p.sq.array + 4*i) = i
	}
	return nil
}

func (r *ring) close() error {
	var errs []error
	for _, m := range [][]byte{r.queue, r.sqMap} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	return errors.Join(append(errs, unix.Close(r.fd))...)
}

// round sends b to each of the sockets, in submissions of as many as the ring has entries. It
// returns when all of them are done.
func (r *ring) round(sockets []int, b []byte) error {
	for from := 0; from < len(sockets); from += len(r.sqes) {
		n := min(len(r.sqes), len(sockets)-from)
		r.fill(sockets, from, n, b)
		if err := r.submit(n); err != nil {
			return err
		}
		if err := r.reap(len(b)); err != nil {
			return err
		}
	}
	runtime.KeepAlive(b) // the kernel has had only its address
	return nil
}

// fill writes n submissions, for the sockets from one on.
func (r *ring) fill(sockets []int, from, n int, b []byte) {
	tail, mask := *r.tail, uint32(len(r.sqes)-1)
	addr := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	for i := range n {
		e := &r.sqes[(tail+uint32(i))&mask]
		*e = sqe{
			opcode: opSend, fd: int32(sockets[from+i]), addr: addr, len: uint32(len(b)),
			msgFlags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, userData: uint64(from + i),
		}
		if r.fixed {
			e.fd, e.flags = int32(from+i), sqeFixedFile
		}
		if last := i == n-1; !last {
			if r.link {
				e.flags |= sqeLink
			}
			if r.skip { // the last one tells that all are done
				e.flags |= sqeCQESkipSuccess
			}
		}
	}
	atomic.StoreUint32(r.tail, tail+uint32(n))
}

// submit hands n submissions over and waits for their completions.
func (r *ring) submit(n int) error {
	wait := uint32(n)
	if r.skip {
		wait = 1
	}
	if r.setup&setupSQPoll != 0 {
		n = 0 // the kernel's thread takes them
	}
	for n > 0 || atomic.LoadUint32(r.cqTail)-*r.cqHead < wait {
		flags := uintptr(enterGetEvents)
		if r.setup&setupSQPoll != 0 && atomic.LoadUint32(r.sqFlags)&ringNeedWakeup != 0 {
			flags |= enterSQWakeup
		}
		taken, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(n), uintptr(wait), flags, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return fmt.Errorf("io_uring_enter: %w", errno)
		}
		if errno == 0 {
			n = max(0, n-int(taken))
		}
	}
	return nil
}

// reap takes what is complete. Each must have sent all of size bytes.
func (r *ring) reap(size int) error {
	head, mask := *r.cqHead, uint32(len(r.cqes)-1)
	tail := atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		c := &r.cqes[head&mask]
		if c.res < 0 {
			return fmt.Errorf("%s: sending to socket %d: %w", r.name, c.userData, syscall.Errno(-c.res))
		}
		if int(c.res) != size {
			return fmt.Errorf("%s: %d of %d bytes were sent to socket %d", r.name, c.res, size, c.userData)
		}
	}
	atomic.StoreUint32(r.cqHead, head)
	return nil
}

// A way is how a round is written.
type way struct {
	name              string
	setup             uint32
	link, fixed, skip bool
}

// ways are the ways by io_uring, each with one thing more than the one before where that has paid.
func ways() []way {
	const deferred = setupSingleIssuer | setupDeferTaskrun
	return []way{
		{name: "io_uring"},
		{name: "single issuer, deferred", setup: deferred},
		{name: "+ registered files", setup: deferred, fixed: true},
		{name: "+ results of failures only", setup: deferred, fixed: true, skip: true},
		{name: "linked", setup: deferred, link: true},
		{name: "linked, files, failures", setup: deferred, link: true, fixed: true, skip: true},
		{name: "kernel's thread (SQPOLL)", setup: setupSQPoll, fixed: true, skip: true},
	}
}

// loop is the way that the server has: a send for each socket, of which the scheduler is not told,
// since it cannot wait.
func loop(sockets []int, b []byte) error {
	for _, s := range sockets {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			return fmt.Errorf("sendto: %w", errno)
		}
		if int(n) != len(b) {
			return fmt.Errorf("sendto: %d of %d bytes were sent", n, len(b))
		}
	}
	return nil
}
