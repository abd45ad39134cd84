package client

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// Messages that lie in the socket for a while came when they came, not when they are read, also
// under TLS.
func TestArrivals(t *testing.T) {
	t.Run("tcp", func(t *testing.T) {
		testArrivals(t, func(script func(p *peer)) *Config {
			return &Config{URL: session(t, 25000, 20000, script)}
		})
	})
	t.Run("tls", func(t *testing.T) {
		certificate := httptest.NewTLSServer(nil) // for its certificate only
		t.Cleanup(certificate.Close)
		testArrivals(t, func(script func(p *peer)) *Config {
			ln, err := tls.Listen("tcp", "127.0.0.1:0", certificate.TLS)
			if err != nil {
				t.Fatal(err)
			}
			addr := accept(t, ln, func(p *peer) { join(p, 25000, 20000, script) })
			return &Config{URL: "wss://" + addr, TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
		})
	})
}

func testArrivals(t *testing.T, serve func(script func(p *peer)) *Config) {
	awaitTimes(t)
	onceRight(t, func() []string { return arrivedWrong(t, serve) })
}

// onceRight lets f try until it finds nothing wrong: a busy machine may pass a packet on long after
// it was written.
func onceRight(t *testing.T, f func() (wrong []string)) {
	t.Helper()
	var wrong []string
	for range 10 {
		if wrong = f(); len(wrong) == 0 {
			return
		}
	}
	t.Error(strings.Join(wrong, "\n"))
}

// arrivedWrong lets three messages come, the first two unread for a while, and returns what the
// client says wrongly of their times.
func arrivedWrong(t *testing.T, serve func(script func(p *peer)) *Config) (wrong []string) {
	t.Helper()
	wrote := make(chan [2]time.Duration, 3)
	dialed, read := make(chan struct{}), make(chan struct{})
	cfg := serve(func(p *peer) {
		<-dialed
		for _, event := range []string{`42["a"]`, `42["b"]`, `42["c"]`} {
			if event == `42["c"]` {
				<-read
			}
			before := Now()
			p.put(text(event))
			wrote <- [2]time.Duration{before, Now()}
		}
		p.slurp()
	})
	c := dial(t, cfg)
	close(dialed)
	first, second := <-wrote, <-wrote
	time.Sleep(30 * time.Millisecond) // so that a wrong time shows
	opened := Now()
	h := &arrivals{got: make(chan Message, 3)}
	run(t, c, h)
	a, b := <-h.got, <-h.got
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if waited := time.Duration(c.bytes.waited.Load()); waited < 20*time.Millisecond || waited > Now() {
		say("the messages waited %v in the socket", waited)
	}
	close(read)
	third, m := <-wrote, <-h.got
	const clocks = time.Millisecond // the wall clock may be adjusted meanwhile, by less than that
	within := func(name string, m Message, from, until time.Duration) {
		if m.From > m.Until || m.Until > m.At || m.From < from-clocks || m.Until > until+clocks {
			say("%s came between %v and %v and was read at %v, want it to come within %v and %v", name, m.From, m.Until, m.At, from, until)
		}
	}
	if a.At < opened || a.At > b.At {
		say("read at %v and %v, opened at %v", a.At, b.At, opened)
	}
	within("the first", a, 0, second[1])
	if a.Until < first[0]-clocks {
		say("the first came by %v, before it was written at %v", a.Until, first[0])
	}
	if secure := cfg.TLS != nil; secure { // two records in one read: which came when is not known
		within("the last of a read", b, 0, second[1])
	} else {
		within("the last of a read", b, second[0], second[1])
		if b.From != b.Until || a.At != b.At {
			say("the end of a read is not exact: %v to %v, read at %v and %v", b.From, b.Until, a.At, b.At)
		}
	}
	within("one that is awaited", m, third[0], m.At)
	if m.From != m.Until {
		say("one that was awaited came %v to %v", m.From, m.Until)
	}
	return wrong
}

// The ends of TLS records are found, however the stream is cut.
func TestRecords(t *testing.T) {
	stream := "\x17\x03\x03\x00\x03abc" + "\x15\x03\x03\x00\x00" + "\x17\x03\x03\x01\x00" + strings.Repeat("x", 256)
	ends := map[int]bool{8: true, 13: true, 13 + 5 + 256: true}
	for step := 1; step <= len(stream); step++ {
		var r records
		found, want := 0, 0
		for from := 0; from < len(stream); from += step {
			to := min(from+step, len(stream))
			found += r.feed([]byte(stream[from:to]))
			for i := from + 1; i <= to; i++ {
				if ends[i] {
					want++
				}
			}
			if found != want || r.whole() != ends[to] {
				t.Fatalf("by %d bytes, at %d: %d records have ended, want %d; at an end: %v", step, to, found, want, r.whole())
			}
		}
	}
}

// awaitTimes returns when the kernel notes arrivals. It begins a moment after the first socket of
// the machine has asked for them, and goes on while one does: this one is open until the test ends.
func awaitTimes(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	in, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	out, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	raw, err := out.(*net.TCPConn).SyscallConn()
	if err != nil || !stampArrivals(raw) {
		t.Fatalf("the kernel notes no arrivals: %v", err)
	}
	for noted, tries := int64(0), 0; noted == 0; tries++ {
		if tries == 1000 {
			t.Fatal("the kernel did not begin to note arrivals")
		}
		if _, err := in.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		err := raw.Read(func(fd uintptr) bool {
			var n int
			n, noted, err = readStamped(fd, make([]byte, 1))
			return n > 0
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // the kernel begins by itself
	}
}

type arrivals struct{ got chan Message }

func (h *arrivals) Event(m *Message) { h.got <- Message{At: m.At, From: m.From, Until: m.Until} }
func (h *arrivals) Ack(*Message)     {}

// What comes by QUIC came when its packet did, however late it is read.
func TestArrivalsByQUIC(t *testing.T) {
	awaitTimes(t)
	onceRight(t, func() []string { return arrivedWrongByQUIC(t) })
}

// arrivedWrongByQUIC lets two messages come, the first one unread for a while, and returns what the
// client says wrongly of their times.
func arrivedWrongByQUIC(t *testing.T) (wrong []string) {
	t.Helper()
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	wrote := make(chan [2]time.Duration, 2)
	dialed, read := make(chan struct{}), make(chan struct{})
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		if !p.join(25000, 20000) {
			return
		}
		for _, event := range []string{`42["a"]`, `42["b"]`} {
			<-dialed
			before := Now()
			p.text(event)
			wrote <- [2]time.Duration{before, Now()}
		}
		<-read
	})
	c := dial(t, quicConfig(addr, conf))
	dialed <- struct{}{}
	first := <-wrote
	time.Sleep(100 * time.Millisecond) // so that a wrong time shows: one of the reading is after opened
	opened := Now()
	h := &arrivals{got: make(chan Message, 2)}
	done := run(t, c, h)
	a := <-h.got
	close(dialed)
	second, b := <-wrote, <-h.got
	close(read)
	const clocks = 5 * time.Millisecond // the wall clock may be adjusted meanwhile, by less than that
	for _, m := range []Message{a, b} {
		if m.From > m.Until || m.Until > m.At || m.At < opened {
			say("came between %v and %v, read at %v, and the reading began at %v", m.From, m.Until, m.At, opened)
		}
	}
	// The goroutine that sends packets may be late, and a packet of QUIC's own may follow.
	if a.From < first[0]-clocks || a.From > opened {
		say("the one that waited came from %v on, and was written between %v and %v; the reading began at %v", a.From, first[0], first[1], opened)
	}
	if b.Until < second[0]-clocks {
		say("the one that was awaited came by %v, before it was written at %v", b.Until, second[0])
	}
	if in := c.Timings.Waited; in <= 0 || in > opened {
		say("the answers waited %v", in)
	}
	ends(t, done, TransportClose)
	return wrong
}

// A read that follows several packets does not know which of them it is about, unless they are
// long past; without the kernel's times nothing is known.
func TestPackets(t *testing.T) {
	var p packets
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).UnixNano() }
	if waited := p.note(ago(8 * time.Millisecond)); waited < 7*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
	if waited := p.note(ago(4 * time.Millisecond)); waited > 4*time.Millisecond {
		t.Errorf("waited %v beside the one before", waited)
	}
	x := p.latest()
	if !x.several || x.empty >= x.came {
		t.Errorf("two packets: %+v", x)
	}
	if y := p.latest(); y != x {
		t.Errorf("read again: %+v, want %+v", y, x)
	}
	p.note(ago(0))
	if y := p.latest(); y.several || y.came <= x.came || y.empty != y.came {
		t.Errorf("one packet: %+v after %+v", y, x)
	}
	p.note(ago(time.Hour)) // the wall clock was set
	if y := p.latest(); y.came < x.came {
		t.Errorf("came at %v, before the last one at %v", y.came, x.came)
	}
	p.note(0)
	if y := p.latest(); y.came != 0 {
		t.Errorf("came at %v, which nobody knows", y.came)
	}
}

// A client that waits over TLS holds no buffer, also where a large message has come.
func TestTLSWaitsWithoutABuffer(t *testing.T) {
	certificate := httptest.NewTLSServer(nil) // for its certificate only
	defer certificate.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certificate.TLS)
	if err != nil {
		t.Fatal(err)
	}
	addr := accept(t, ln, func(p *peer) {
		join(p, 25000, 20000, func(p *peer) {
			p.put(text(`42["a"]`) + text(`42["long","`+strings.Repeat("x", 70_000)+`"]`))
			p.slurp()
		})
	})
	c := dial(t, &Config{URL: "wss://" + addr, TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig})
	h := newHeard()
	run(t, c, h)
	if log := h.wait(t, 2); len(log[1]) < 70_000 {
		t.Errorf("the long message has %d bytes", len(log[1]))
	}
	for end := time.Now().Add(patience); !c.ws.conn.waits.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the client does not wait")
		}
	}
	if c.ws.rd.buf != nil {
		t.Errorf("a client that waits has a buffer of %d bytes", len(c.ws.rd.buf))
	}
}

// What came before an alert of TLS is there, also as long as the alert has come in part only.
func TestTLSAlertInPart(t *testing.T) {
	certificate := httptest.NewTLSServer(nil) // for its certificate only
	defer certificate.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := certificate.TLS.Clone()
	config.MaxVersion = tls.VersionTLS12 // later ones hide what an alert is
	done := make(chan struct{})
	defer close(done)
	addr := accept(t, tls.NewListener(tails{ln}, config), func(p *peer) {
		join(p, 25000, 20000, func(p *peer) {
			p.Conn.(*tls.Conn).NetConn().(*tail).after = "\x15\x03\x03"
			p.put(text(`42["a"]`))
			<-done
		})
	})
	c := dial(t, &Config{URL: "wss://" + addr, TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig})
	h := newHeard()
	run(t, c, h)
	h.wait(t, 1)
}

// tails is a listener of connections that can write something more with what they are given.
type tails struct{ net.Listener }

func (l tails) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &tail{Conn: c}, err
}

type tail struct {
	net.Conn
	after string
}

func (c *tail) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(append(slices.Clip(b), c.after...))
	return min(n, len(b)), err
}
