// Package raw reads and writes descriptors as a program in C would: for servers and generators with
// one thread over one epoll instance.
package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Read reads from a descriptor that does not block. The scheduler is not told of the call, which
// costs as much as it does in C.
func Read(fd int, b []byte) (int, unix.Errno) { return call(unix.SYS_READ, fd, b) }

// Write is the same for writing.
func Write(fd int, b []byte) (int, unix.Errno) { return call(unix.SYS_WRITE, fd, b) }

// WriteAll writes all of b, as a rule with one system call. A full socket is waited for, and
// everybody else with it.
func WriteAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, errno := Write(fd, b)
		switch errno {
		case 0:
			b = b[n:]
		case unix.EAGAIN:
			wait(fd, unix.POLLOUT)
		case unix.EINTR:
		default:
			return errno
		}
	}
	return nil
}

func wait(fd int, events int16) {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
}

func call(number uintptr, fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}
