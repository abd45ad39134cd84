package machine

import (
	"cmp"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time of the calling thread.
func threadTime() (time.Duration, bool) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}

// bareSockets are both ends of a TCP connection on loopback.
func bareSockets() (near, far int, err error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(listener)
	if near, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, 0, err
	}
	err = errors.Join(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(listener, 1))
	if err == nil {
		var at unix.Sockaddr
		if at, err = unix.Getsockname(listener); err == nil {
			err = unix.Connect(near, at)
		}
	}
	if err == nil {
		far, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	}
	if err != nil {
		_ = unix.Close(near)
		return 0, 0, err
	}
	if err = errors.Join(unix.SetsockoptInt(near, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(far, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})); err != nil {
		closeSockets(near, far)
	}
	return near, far, err
}

func closeSockets(near, far int) {
	_ = unix.Close(near)
	_ = unix.Close(far)
}

// passOn writes a message and reads it again: over loopback it is there when the write returns.
func passOn(near, far int, message []byte) error {
	if n, err := unix.Write(near, message); err != nil || n != len(message) {
		return cmp.Or(err, io.ErrShortWrite)
	}
	for got := 0; got < len(message); {
		n, err := unix.Read(far, message[got:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		got += max(n, 0)
	}
	return nil
}
