package fanout

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/outlet"
)

// wire is a member's connection: a pair of sockets with little room, so that writes are refused or
// taken in part all the time. Nobody reads as long as there is room; what does not fit is kept
// behind what is read then. So the stream shows what the outlet and its owner wrote, in its order.
type wire struct {
	out          *outlet.Outlet
	server, peer int
	stream       []byte
	err          error
}

func newWire() *wire { return &wire{} }

func (w *wire) attach(out *outlet.Outlet) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.err = fmt.Errorf("making a pair of sockets: %w", err)
		return
	}
	w.out, w.server, w.peer = out, fds[0], fds[1]
	w.err = unix.SetsockoptInt(w.server, unix.SOL_SOCKET, unix.SO_SNDBUF, 1)
	out.Lock()
	defer out.Unlock()
	out.Attach(w.server)
	out.Open()
}

// write takes what the outlet could not write.
func (w *wire) write(b []byte) {
	w.drain()
	w.stream = append(w.stream, b...)
	w.out.Open()
}

// drain reads what has been written to the socket.
func (w *wire) drain() {
	var b [4096]byte
	for w.err == nil {
		n, err := unix.Read(w.peer, b[:])
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		w.stream, w.err = append(w.stream, b[:max(n, 0)]...), err
	}
}

// close returns the messages that have gone over the wire.
func (w *wire) close() (got []string, err error) {
	w.drain()
	for rest := w.stream; len(rest) > 0 && w.err == nil; {
		h, head := websocket.ParseHeader(rest)
		end := head + int(h.Length)
		if head == 0 || end > len(rest) {
			w.err = fmt.Errorf("a part of a message: %q", rest)
			break
		}
		got, rest = append(got, string(rest[head+1:end])), rest[end:]
	}
	return got, errors.Join(w.err, unix.Close(w.server), unix.Close(w.peer))
}
