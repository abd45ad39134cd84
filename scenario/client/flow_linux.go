package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// A flow is the socket of one QUIC connection, connected to the server. So the kernel tells when
// each packet of the session came, and that nothing listens at the server's port; and a server, or
// whatever is on the way, sees as many senders as there are clients.
type flow struct {
	hub   *hub
	to    *net.UDPAddr // which quic-go sends to: the pointer tells the flow
	bytes *traffic

	mu      sync.RWMutex // a socket that is in use is not closed
	fd      int          // -1: closed
	refused context.CancelCauseFunc

	packets
}

// packetsAtOnce is how many packets quic-go takes at a time.
const packetsAtOnce = 8

// flowBuffer is the receive buffer of a flow, in bytes: a burst for one client.
const flowBuffer = 1 << 20

// A hub is many flows as the one socket of a quic.Transport, whose goroutine reads them. Its
// embedded socket carries nothing: quic-go looks at its options.
type hub struct {
	*net.UDPConn
	quic  *quic.Transport
	epoll *os.File // of the flows; the runtime waits for it
	fd    int      // of it
	ready syscall.RawConn
	ask   func(fd uintptr) bool

	events [packetsAtOnce]unix.EpollEvent // of the goroutine that reads
	turn   [packetsAtOnce]*flow
	most   int // events to ask for
	n      int // events, or an error
	err    error

	mu    sync.RWMutex
	flows map[int32]*flow // by descriptor
	to    map[*net.UDPAddr]*flow
}

func newHub() (*hub, error) {
	base, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		_ = base.Close()
		return nil, os.NewSyscallError("epoll_create", err)
	}
	_ = unix.SetNonblock(fd, true) // so that the runtime waits for it
	h := &hub{UDPConn: base, epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, flows: map[int32]*flow{}, to: map[*net.UDPAddr]*flow{}}
	if h.ready, err = h.epoll.SyscallConn(); err != nil {
		h.close()
		return nil, err
	}
	h.ask = h.attempt
	h.quic = &quic.Transport{Conn: h}
	return h, nil
}

// attempt asks which flows have packets.
func (h *hub) attempt(fd uintptr) bool {
	for {
		h.n, h.err = unix.EpollWait(int(fd), h.events[:h.most], 0)
		if !errors.Is(h.err, unix.EINTR) {
			return h.n != 0
		}
	}
}

// ReadBatch reads a packet of each flow that has one, as quic-go reads from a socket.
func (h *hub) ReadBatch(ms []ipv4.Message, _ int) (n int, err error) {
	h.most = min(len(ms), packetsAtOnce)
	for n == 0 {
		if err := h.ready.Read(h.ask); err != nil {
			return 0, err
		}
		if h.err != nil {
			return 0, os.NewSyscallError("epoll_wait", h.err)
		}
		turn := h.turn[:0]
		h.mu.RLock()
		for i := range h.events[:h.n] {
			if f := h.flows[h.events[i].Fd]; f != nil {
				turn = append(turn, f)
			}
		}
		h.mu.RUnlock()
		for _, f := range turn {
			if f.receive(&ms[n]) {
				n++
			}
		}
		clear(turn)
	}
	return n, nil
}

// WriteMsgUDP sends a packet of a flow. What a closed one has left to say is lost.
func (h *hub) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	h.mu.RLock()
	f := h.to[to]
	h.mu.RUnlock()
	if f != nil {
		err = f.send(b, oob)
	}
	return len(b), len(oob), err
}

// SetReadDeadline implements net.PacketConn.
func (h *hub) SetReadDeadline(t time.Time) error { return h.epoll.SetReadDeadline(t) }

// close gives all back, after the quic.Transport has been closed.
func (h *hub) close() {
	h.mu.Lock()
	all := h.flows
	h.flows, h.to = nil, nil
	h.mu.Unlock()
	for _, f := range all {
		f.release()
	}
	_ = h.epoll.Close()
	_ = h.Close()
}

// join makes a socket a flow to remote. It takes the descriptor away from the runtime, which would
// be woken by each packet beside the hub.
func (h *hub) join(conn *net.UDPConn, remote netip.AddrPort, bytes *traffic, refused context.CancelCauseFunc) (*flow, error) {
	f := &flow{hub: h, to: net.UDPAddrFromAddrPort(remote), bytes: bytes, fd: -1, refused: refused}
	raw, err := conn.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) { failed = f.prepare(int(fd), remote) })
		err = errors.Join(err, failed)
	}
	_ = conn.Close()
	if err != nil {
		f.release()
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flows == nil {
		f.release()
		return nil, net.ErrClosed
	}
	h.flows[int32(f.fd)], h.to[f.to] = f, f                                                                                        //nolint:gosec // descriptors are small
	if err := unix.EpollCtl(h.fd, unix.EPOLL_CTL_ADD, f.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(f.fd)}); err != nil { //nolint:gosec // likewise
		delete(h.flows, int32(f.fd)) //nolint:gosec // likewise
		delete(h.to, f.to)
		f.release()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return f, nil
}

// prepare takes a copy of the descriptor, connects it, and sets what quic-go sets for a socket: no
// packet is fragmented, and the marks of congestion (ECN) come with each.
func (f *flow) prepare(fd int, remote netip.AddrPort) (err error) {
	if f.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		f.fd = -1
		return os.NewSyscallError("dup", err)
	}
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(remote.Port()), Addr: remote.Addr().Unmap().As4()}
	level, probe, marks := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_RECVTOS
	if remote.Addr().Is6() {
		zone, _ := net.InterfaceByName(remote.Addr().Zone())
		six := &unix.SockaddrInet6{Port: int(remote.Port()), Addr: remote.Addr().As16()}
		if zone != nil {
			six.ZoneId = uint32(zone.Index) //nolint:gosec // indices are small
		}
		to, level, probe, marks = six, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_RECVTCLASS
	}
	_ = unix.SetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) // else latencies end when messages are read
	_ = unix.SetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, flowBuffer)
	_ = unix.SetsockoptInt(f.fd, level, probe, unix.IP_PMTUDISC_PROBE)
	_ = unix.SetsockoptInt(f.fd, level, marks, 1)
	return os.NewSyscallError("connect", unix.Connect(f.fd, to))
}

// receive reads a packet into m; false if there is none.
func (f *flow) receive(m *ipv4.Message) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return false
	}
	iov := unix.Iovec{Base: unsafe.SliceData(m.Buffers[0])}
	iov.SetLen(len(m.Buffers[0]))
	msg := unix.Msghdr{Iov: &iov, Control: unsafe.SliceData(m.OOB)}
	msg.SetIovlen(1)
	msg.SetControllen(len(m.OOB))
	n, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&msg)), 0)
	if errno == unix.ECONNREFUSED && f.refused != nil {
		f.refused(fmt.Errorf("nothing listens at the UDP port: %w", os.NewSyscallError("recvmsg", errno)))
	}
	if errno != 0 {
		return false
	}
	m.N, m.NN, m.Addr = int(n), int(msg.Controllen), f.to //nolint:gosec // lengths
	waited := f.note(stampOf(m.OOB[:m.NN]))
	f.bytes.waited.Add(int64(waited))
	return true
}

// stampOf finds the time of a packet among its control messages; 0: there is none.
func stampOf(oob []byte) int64 {
	for len(oob) > 0 {
		header, body, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS && len(body) >= int(unsafe.Sizeof(unix.Timespec{})) {
			return (*unix.Timespec)(unsafe.Pointer(unsafe.SliceData(body))).Nano()
		}
		oob = rest
	}
	return 0
}

// roomTime is how many milliseconds a packet waits for room in the socket before it is lost, which
// QUIC repairs.
const roomTime = 100

// send sends a packet. That nothing listens any more is no error: the server may come back, and
// QUIC and the engine's heartbeat notice if it does not.
func (f *flow) send(b, oob []byte) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return nil
	}
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	msg := unix.Msghdr{Iov: &iov, Control: unsafe.SliceData(oob)}
	msg.SetIovlen(1)
	msg.SetControllen(len(oob))
	if len(oob) == 0 {
		msg.Control = nil
	}
	for again := 0; ; again++ {
		_, _, errno := syscall.Syscall(syscall.SYS_SENDMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&msg)), 0)
		switch {
		case errno == unix.EINTR:
		case errno == unix.ECONNREFUSED && again == 0: // of an earlier packet
		case errno == unix.ECONNREFUSED, errno == unix.ENOBUFS, errno == unix.EAGAIN && again > 0:
			return nil
		case errno == unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLOUT}}, roomTime) //nolint:gosec // descriptors are small
		case errno != 0:
			return os.NewSyscallError("sendmsg", errno)
		default:
			return nil
		}
	}
}

// address is where quic-go sends to.
func (f *flow) address(netip.AddrPort) *net.UDPAddr { return f.to }

// close ends the flow of a connection that has ended.
func (f *flow) close() {
	f.hub.mu.Lock()
	delete(f.hub.to, f.to)
	f.mu.RLock()
	if f.fd >= 0 {
		delete(f.hub.flows, int32(f.fd)) //nolint:gosec // descriptors are small
	}
	f.mu.RUnlock()
	f.hub.mu.Unlock()
	f.release()
}

func (f *flow) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd >= 0 {
		_ = unix.Close(f.fd) // and the hub forgets it
	}
	f.fd = -1
}

// hubs are those of a UDP, in use by turns.
type hubs struct {
	list []*hub
	next int
}

// flow opens a socket of a session from source, which the system chooses if it is zero. u.mu is
// held.
func (u *UDP) flow(source netip.Addr, remote netip.AddrPort, bytes *traffic, refused context.CancelCauseFunc) (*quic.Transport, *flow, error) {
	if len(u.hubs.list) < runtime.GOMAXPROCS(0) { // one goroutine reads each
		h, err := newHub()
		if err != nil {
			return nil, nil, err
		}
		u.hubs.list = append(u.hubs.list, h)
	}
	u.hubs.next++
	h := u.hubs.list[u.hubs.next%len(u.hubs.list)]
	conn, err := u.listen(source)
	if err != nil {
		return nil, nil, err
	}
	f, err := h.join(conn, remote, bytes, refused)
	return h.quic, f, err
}

func (s *hubs) close() {
	for _, h := range s.list {
		_ = h.quic.Close()
		h.close()
	}
}
