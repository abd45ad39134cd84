package client

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stampArrivals asks the kernel to note when bytes reach the socket; false when it cannot. Unix
// sockets have no such times.
func stampArrivals(raw syscall.RawConn) bool {
	ok := false
	err := raw.Control(func(fd uintptr) {
		name, err := unix.Getsockname(int(fd))
		if _, local := name.(*unix.SockaddrUnix); err == nil && !local {
			ok = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) == nil
		}
	})
	return ok && err == nil
}

// stampSpace holds one control message with a time.
const stampSpace = unix.SizeofCmsghdr + int(unsafe.Sizeof(unix.Timespec{}))

// readStamped is read(2) that also says when the last of the bytes reached the socket, in
// nanoseconds of the wall clock; 0 when the kernel did not note it. It allocates nothing.
func readStamped(fd uintptr, b []byte) (n int, came int64, err error) {
	var control [stampSpace]byte
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	msg := unix.Msghdr{Iov: &iov, Control: &control[0]}
	msg.SetIovlen(1)
	msg.SetControllen(len(control))
	// raw: it does not wait, so the runtime need not know
	got, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&msg)), 0)
	if errno != 0 {
		return 0, 0, errno
	}
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if int(msg.Controllen) >= stampSpace && header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS {
		at := (*unix.Timespec)(unsafe.Pointer(&control[unix.SizeofCmsghdr]))
		came = at.Nano()
	}
	return int(got), came, nil
}
