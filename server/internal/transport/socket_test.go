package transport

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/budget"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// tape is a link that takes everything and notes it, and the handler of its session.
type tape struct {
	socket
	mu     sync.Mutex
	wrote  bytes.Buffer
	cuts   int
	heard  []string
	over   atomic.Bool
	closed session.Reason
}

func (l *tape) TryWrite(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrote.Write(b)
}

func (l *tape) WriteAll(b []byte) error {
	_, err := l.TryWrite(b)
	return err
}

func (l *tape) writeControl(b []byte) bool { return l.WriteAll(b) == nil }
func (l *tape) Progress() uint64           { return 0 }
func (l *tape) Unread() bool               { return false }
func (l *tape) Cut()                       { l.cuts++ }
func (l *tape) Close()                     {}

func (l *tape) WantsOpened(three bool) bool  { return three }
func (l *tape) Opened()                      {}
func (l *tape) Upgraded()                    {}
func (l *tape) Over()                        { l.over.Store(true) }
func (l *tape) Closed(reason session.Reason) { l.closed = reason }

func (l *tape) Message(data []byte, binary bool) error {
	l.heard = append(l.heard, fmt.Sprintf("%v %x", binary, data))
	return nil
}

const tapeLimit = 100

// taped is a session that has no connection yet.
func taped(form frame.Form, clock *deadline.Clock) (*Engine, *session.Session) {
	e := New(Config{
		MaxPayload: tapeLimit, Partial: budget.New(10 * tapeLimit), MessageTimeout: time.Hour,
		Session: session.Config{
			PingInterval: time.Hour, PingTimeout: time.Hour, WriteTimeout: time.Hour, MaxPackets: 1000, MaxBytes: 1 << 20, Clock: clock,
		},
	})
	e.open.Add(1) // as for a session that it has made itself
	e.live.Add(1)
	return e, session.New(&e.cfg.Session, "sid", form)
}

// play gives a stream to a socket, in pieces of step bytes, and returns what came of it.
func play(t *testing.T, stream []byte, step int, form frame.Form, clock *deadline.Clock) (log []string) {
	t.Helper()
	e, s := taped(form, clock)
	partial := e.cfg.Partial
	l := &tape{socket: socket{baseConn: baseConn{engine: e, session: s, form: form, stage: open}}}
	l.link = l
	s.Open(l, l, nil)
	err := error(nil)
	for len(stream) > 0 && err == nil && l.stage == open {
		n := min(step, len(stream))
		err = l.consume(bytes.Clone(stream[:n]))
		stream = stream[n:]
		if l.in != nil && l.in.held > 2*tapeLimit {
			t.Fatalf("%d bytes are kept of a message of %d", l.in.held, tapeLimit)
		}
		if l.in == nil && partial.Used() != 0 {
			t.Fatalf("%d bytes of nothing are accounted for", partial.Used())
		}
	}
	if err != nil && !l.leave(err) && l.stage != discarding {
		t.Fatalf("a violation left it in stage %d", l.stage)
	}
	l.leave(errPeerClosed)
	s.Close(session.TransportClose)
	s.WaitWriters()
	<-s.Done()
	if l.cut != nil {
		l.cut.Stop()
	}
	if partial.Used() != 0 || l.in != nil {
		t.Fatalf("%d bytes are still accounted for", partial.Used())
	}
	return append(l.heard, fmt.Sprintf("%x", l.wrote.Bytes()), string(l.closed))
}

// A full link has no room for what is written at once.
type full struct {
	tape
	readSpace chan struct{}
	gone      chan struct{} // closed by Close
}

func (l *full) TryWrite(b []byte) (int, error) { return l.tape.TryWrite(b[:min(1, len(b))]) }

func (l *full) WriteAll(b []byte) error {
	<-l.readSpace
	return l.tape.WriteAll(b)
}

func (l *full) Close() { close(l.gone) }

// A peer that has not read everything yet reads the close frame after it, and the connection is not
// given back before.
func TestGoodbyeWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{})
		l := &full{readSpace: make(chan struct{}), gone: make(chan struct{})}
		l.socket = socket{baseConn: baseConn{engine: e, stage: draining}}
		l.link = l
		e.live.Add(1)
		l.answerWith(websocket.CodeGoingAway)
		l.Goodbye()
		l.Goodbye()
		go l.release()
		synctest.Wait()
		select {
		case <-l.gone:
			t.Error("the connection was closed before the goodbye")
		default:
		}
		close(l.readSpace)
		<-l.gone
		if got := l.wrote.String(); got != "\x88\x02\x03\xe9" {
			t.Errorf("the peer reads %q", got)
		}
		e.live.Wait()
	})
}

// A session hears that its client has left, also when that was before the connection carried it:
// a new session, and one that is upgraded, may begin with what the client sent last.
func TestPeerLeavesBeforeItIsRead(t *testing.T) {
	clock := deadline.New()
	go clock.Run()
	t.Cleanup(clock.Close)
	for _, upgrade := range []bool{false, true} {
		e, s := taped(0, clock)
		e.cfg.UpgradeTimeout = time.Hour
		l := &tape{socket: socket{baseConn: baseConn{engine: e, session: s}}}
		l.link = l
		if upgrade {
			s.Open(l, nil, nil)
			s.UpgradeBegins()
			l.begin(nil, nil)
		}
		l.PeerLeft()
		if l.over.Load() {
			t.Errorf("upgrade %v: the session hears of a connection that does not carry it", upgrade)
		}
		if upgrade {
			l.packet(engineio.Packet{Type: engineio.Upgrade})
		} else {
			l.begin(l, nil)
		}
		if !l.over.Load() {
			t.Errorf("upgrade %v: the session does not hear that its client has left", upgrade)
		}
		s.Close(session.TransportClose)
		<-s.Done()
	}
}

// FuzzConsume checks that what comes of a stream does not depend on how it is cut into reads: the
// messages, the answers, the close frame and the reason.
func FuzzConsume(f *testing.F) {
	client := func(first byte, payload string) string {
		h := websocket.Header{Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: uint64(len(payload))}
		b := append([]byte{first}, h.Append(nil)[1:]...)
		at := len(b)
		b = append(b, payload...)
		websocket.Mask(b[at:], h.Key)
		return string(b)
	}
	for _, s := range []string{
		client(0x81, "4hello") + client(0x89, "ping") + client(0x82, "binary") + client(0x88, "\x03\xe8"),
		client(0x01, "4he") + client(0x89, "ping") + client(0x00, "") + client(0x80, "llo") + client(0x80, "x"),
		client(0x02, strings.Repeat("x", 60)) + client(0x80, strings.Repeat("y", 41)),
		client(0x81, "4\xff") + client(0x81, "4x"), client(0x81, "?"), client(0x88, "\x03"), client(0x81, "1") + client(0x81, "4x"),
		client(0xc2, "\xf2\x48\xcd\xc9\xc9\x07\x00") + client(0x42, "\xf2\x48\xcd") + client(0x80, "\xc9\xc9\x07\x00"),
		"\x81\x01x", client(0x82, strings.Repeat("z", 200))[:12],
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	clock := deadline.New()
	go clock.Run()
	f.Cleanup(clock.Close)
	f.Fuzz(func(t *testing.T, stream []byte, deflate bool) {
		form := frame.Form(0)
		if deflate {
			form = frame.Deflated
		}
		want := play(t, stream, len(stream)+1, form, clock)
		for _, step := range []int{1, 2, 7} {
			if diff := cmp.Diff(want, play(t, stream, step, form, clock)); diff != "" {
				t.Fatalf("by %d bytes (-at once +in pieces):\n%s", step, diff)
			}
		}
	})
}
