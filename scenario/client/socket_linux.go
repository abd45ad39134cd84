package client

import "syscall"

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of linux/in.h.
const ipBindAddressNoPort = 24

// controlSocket lets bind fix the source address without a port: the kernel
// then chooses the port at connect, where the pair of both ends has to be free
// and not the port alone. Kernels that do not know the option do without.
func controlSocket(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	})
}
