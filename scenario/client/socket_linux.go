package client

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of linux/in.h.
const ipBindAddressNoPort = 24

const slowSegment = 1400

// control lets bind fix the source address without a port: the kernel then chooses the port at
// connect, where the pair of both ends has to be free and not the port alone. Kernels that do not
// know the option do without. The receive buffer of a slow client has to be small before the
// connection is made, when its window is negotiated. Its segments are as small as on a real
// network: on the loopback interface the server's kernel would otherwise take in megabytes for it.
func (t *target) control(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
		if t.buffer > 0 {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, t.buffer)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, slowSegment)
		}
	})
}

// readable reports whether a socket has something to read, as far as is known.
func readable(fd uintptr) bool {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	return err != nil || n > 0
}
