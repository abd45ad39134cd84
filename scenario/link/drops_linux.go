package link

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// drops is how many datagrams the kernel has dropped since the buffer of a socket was full; 0 for a
// socket that is closed.
func drops(c *net.UDPConn) uint64 {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0) // it stays 0 where the kernel does not know it
	})
	return uint64(info[unix.SK_MEMINFO_DROPS])
}
