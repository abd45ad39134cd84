package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// framed is a webTransportConn whose bytes go to a tape and not to QUIC.
type framed struct {
	webTransportConn
	tape tape
}

func (l *framed) TryWrite(b []byte) (int, error) { return l.tape.TryWrite(b) }
func (l *framed) WriteAll(b []byte) error        { return l.tape.WriteAll(b) }
func (l *framed) writeControl(b []byte) bool     { return l.tape.writeControl(b) }
func (l *framed) Progress() uint64               { return 0 }
func (l *framed) Unread() bool                   { return false }
func (l *framed) Cut()                           { l.tape.Cut() }
func (l *framed) Goodbye()                       {}
func (l *framed) Close()                         {}

// playFramed gives a stream to a session over WebTransport, in pieces of step bytes, and returns
// what came of it.
func playFramed(t *testing.T, stream []byte, step int, clock *deadline.Clock) []string {
	t.Helper()
	e, s := taped(frame.Framed, clock)
	l := &framed{webTransportConn: webTransportConn{baseConn: baseConn{engine: e, session: s, form: frame.Framed, stage: open}}}
	l.link = l
	s.Open(&l.tape, l, nil)
	for len(stream) > 0 && l.stage != discarding {
		n := min(step, len(stream))
		l.take(bytes.Clone(stream[:n]))
		stream = stream[n:]
		if l.in != nil && l.in.held > 2*tapeLimit {
			t.Fatalf("%d bytes are kept of a message of %d", l.in.held, tapeLimit)
		}
	}
	l.endOfStream()
	s.Close(session.TransportClose)
	s.WaitWriters()
	<-s.Done()
	if held := e.cfg.Partial.Used(); held != 0 || l.in != nil {
		t.Fatalf("%d bytes are still accounted for", held)
	}
	return append(l.tape.heard, fmt.Sprintf("%x", l.tape.wrote.Bytes()), string(l.tape.closed))
}

// New connections must prove their address, and then are refused, when many have begun no session.
func TestPendingQUIC(t *testing.T) {
	e, _ := taped(frame.Framed, nil)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w, err := e.NewWebTransport(socket, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxPending + 1 {
		if verify := w.socket.VerifySourceAddress(nil); verify != (n >= verifyPending) {
			t.Fatalf("beside %d connections a new one must prove its address: %v", n, verify)
		}
		if _, err := w.socket.ConnContext(t.Context(), nil); (err != nil) != (n >= maxPending) {
			t.Fatalf("beside %d connections a new one ends with %v", n, err)
		}
		w.pending[&pendingConn{}] = struct{}{}
	}
	clear(w.pending) // there are no connections that Close could end
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzFramed checks that what comes of a stream of WebTransport does not depend on how it is cut
// into reads: the messages, the answers and the reason.
func FuzzFramed(f *testing.F) {
	packet := func(t engineio.Type, binary bool, data string) string {
		return string(engineio.AppendFrame(nil, engineio.Packet{Type: t, Binary: binary, Data: []byte(data)}))
	}
	long := packet(engineio.Message, false, strings.Repeat("x", 90))
	for _, s := range []string{
		packet(engineio.Message, false, "hello") + packet(engineio.Pong, false, "") + packet(engineio.Message, true, "binary") + packet(engineio.Close, false, "") + packet(engineio.Message, false, "late"),
		long + long, long[:40], packet(engineio.Message, true, strings.Repeat("y", 200)), packet(engineio.Message, true, ""),
		packet(engineio.Ping, false, "probe") + packet(engineio.Upgrade, false, ""), packet(engineio.Open, false, `{"sid":"x"}`),
		"\x00", "\x01?", "\x80", "\x7e\x00\x014x", "\x7f\x00\x00\x00\x00\x00\x00\x00\x014", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff4", "\xff\x00",
	} {
		f.Add([]byte(s))
	}
	clock := deadline.New()
	go clock.Run()
	f.Cleanup(clock.Close)
	f.Fuzz(func(t *testing.T, stream []byte) {
		want := playFramed(t, stream, len(stream)+1, clock)
		for _, step := range []int{1, 2, 7} {
			if diff := cmp.Diff(want, playFramed(t, stream, step, clock)); diff != "" {
				t.Fatalf("by %d bytes (-at once +in pieces):\n%s", step, diff)
			}
		}
	})
}

// Text that is not UTF-8 ends the session, whichever way it comes: see isText.
func TestFramedTextIsUTF8(t *testing.T) {
	clock := deadline.New()
	go clock.Run()
	t.Cleanup(clock.Close)
	var stream []byte
	for _, data := range []string{"é", "\xff", "late"} {
		stream = engineio.AppendFrame(stream, engineio.Packet{Type: engineio.Message, Data: []byte(data)})
	}
	got := playFramed(t, stream, len(stream), clock)
	if want := []string{fmt.Sprintf("false %x", "é"), "", string(session.ParseError)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
