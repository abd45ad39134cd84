package network

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// The prober is client 0. Its packets show from outside what the forwarding adds: the sender notes
// the time before the system call, and the receiver takes the time at which its kernel had the
// packet. So nothing that delays them on the way is left out, the wait for a processor included.
const (
	prober     = 0
	probePort  = 9 // discard
	probeSent  = 0 // offsets into its data: nanoseconds since 1970
	probeAsked = 8 // nanoseconds that the condition asked for
	probePhase = 16
	probeSize  = 24
)

// A probe is one end of the prober.
type probe struct {
	conn *net.UDPConn
	to   netip.AddrPort
	from *forwarder // that its packets come from
}

// newProbe opens one end.
func (s *space) newProbe(at, to netip.Addr, from *forwarder) (*probe, error) {
	conn, err := s.packet(netip.AddrPortFrom(at, probePort))
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			// The forwarder writes into its packets: they have no checksum.
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &probe{conn: conn, to: netip.AddrPortFrom(to, probePort), from: from}, nil
}

// send sends a packet every so often until stop is closed.
func (p *probe) send(stop <-chan struct{}) {
	urgent() // nothing may come between the note of the time and the system call
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var b [probeSize]byte
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			binary.BigEndian.PutUint64(b[probeSent:], uint64(time.Now().UnixNano()))
			_, _ = p.conn.WriteToUDPAddrPort(b[:], p.to)
		}
	}
}

// receive notes what arrives until the connection is closed.
func (p *probe) receive() {
	var b [probeSize]byte
	oob := make([]byte, unix.CmsgSpace(16))
	for {
		n, m, _, _, err := p.conn.ReadMsgUDPAddrPort(b[:], oob)
		if err != nil {
			return
		}
		at := stampOf(oob[:m])
		if n != probeSize || at.IsZero() {
			continue
		}
		sent := time.Unix(0, int64(binary.BigEndian.Uint64(b[probeSent:])))
		asked := time.Duration(binary.BigEndian.Uint64(b[probeAsked:]))
		p.from.arrived(int(binary.BigEndian.Uint64(b[probePhase:])), at.Sub(sent), asked)
	}
}

// stampOf is when the kernel had a datagram.
func stampOf(oob []byte) time.Time {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return time.Time{}
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
		}
		oob = rest
	}
	return time.Time{}
}
