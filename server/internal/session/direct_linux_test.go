package session

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// wired is a Conn over a real socket with little room, that outlets write to by themselves.
type wired struct {
	pipe
	fd, peer int
}

func newWired(t *testing.T) *wired {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return &wired{fd: fds[0], peer: fds[1]}
}

func (c *wired) Descriptor() int { return c.fd }

func (c *wired) TryWrite(b []byte) (int, error) {
	n, err := unix.Write(c.fd, b)
	if err == unix.EAGAIN {
		return 0, nil
	}
	return max(n, 0), err
}

func (c *wired) Write(frames []*frame.Frame, skip int) error {
	for _, f := range frames {
		for b := f.Wire()[skip:]; len(b) > 0; {
			n, err := c.TryWrite(b)
			if err != nil {
				return err
			}
			if b = b[n:]; len(b) > 0 {
				_, _ = unix.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, -1)
			}
		}
		skip = 0
	}
	return nil
}

// read returns what comes until the stream has size bytes.
func (c *wired) read(size int) []byte {
	var got []byte
	b := make([]byte, 4096)
	for len(got) < size {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(c.peer), Events: unix.POLLIN}}, -1)
		if n, _ := unix.Read(c.peer, b); n > 0 {
			got = append(got, b[:n]...)
		} else if n == 0 {
			break
		}
	}
	return got
}

// Messages that the outlet writes, those that it takes in part, those behind them that wait, and
// whatever else happens to the session between two: the stream is that of the frames.
func TestOutletAndOutboxKeepTheStream(t *testing.T) {
	c := newWired(t)
	s, _ := begin(t, c, options{})
	rng := rand.New(rand.NewPCG(3, 4))
	var want []byte
	var sends []func()
	packets := uint64(0)
	for i := 0; i < 4000; {
		var frames []*frame.Frame
		var wire []byte
		for range 1 + rng.IntN(4) {
			frames, wire = append(frames, text(i)), append(wire, text(i).Wire()...)
			packets += uint64(text(i).Packets())
			i++
		}
		b := outlet.Join(frames, wire)
		want = append(want, wire...)
		sends = append(sends, func() { s.Deliver(b) })
		if rng.IntN(4) == 0 {
			sends = append(sends, func() { _ = s.Receive(engineio.Packet{Type: engineio.Pong}) })
		}
	}
	go func() {
		for _, send := range sends {
			send()
		}
	}()
	if got := c.read(len(want)); !bytes.Equal(got, want) {
		t.Error("the stream is not that of the frames")
	}
	counts, _ := s.Counts()
	if counts.PacketsOut != packets || counts.BytesOut != uint64(len(want)) {
		t.Errorf("%d packets and %d bytes are counted, want %d and %d", counts.PacketsOut, counts.BytesOut, packets, len(want))
	}
	s.mu.Lock()
	direct, _ := s.mu.Written()
	s.mu.Unlock()
	if direct == 0 || direct == packets {
		t.Errorf("%d of %d packets were written by the outlet: one of the two ways was not tried", direct, packets)
	}
}

// Nothing is written to the descriptor once the session has ended: it may belong to another
// connection then.
func TestOutletIsClosedForGood(t *testing.T) {
	c := newWired(t)
	s, h := begin(t, c, options{})
	s.Send(text(1))
	s.Send(text(2))
	c.read(len(text(1).Wire()) + len(text(2).Wire()))
	s.Close(TransportClose)
	<-h.closed
	s.WaitWriters()
	s.Send(text(3))
	s.Send(text(4))
	var b [1]byte
	if n, err := unix.Read(c.peer, b[:]); err != unix.EAGAIN {
		t.Errorf("%d bytes were written after the end (%v)", n, err)
	}
}

// A peer that is gone ends the session although only the outlet has written to it.
func TestResetOfWhatTheOutletWrites(t *testing.T) {
	c := newWired(t)
	s, h := begin(t, c, options{})
	s.Send(text(1))
	_ = unix.Shutdown(c.peer, unix.SHUT_RDWR)
	s.Send(text(2))
	if got := <-h.closed; got != TransportError {
		t.Errorf("closed with %q", got)
	}
}
