package client

import (
	"net"
	"testing"
	"time"
)

// Messages that lie in the socket for a while came when they came, not when they are read.
func TestArrivals(t *testing.T) {
	awaitTimes(t)
	wrote := make(chan [2]time.Duration, 3)
	dialed, read := make(chan struct{}), make(chan struct{})
	url := session(t, 25000, 20000, func(p *peer) {
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
	c := dial(t, &Config{URL: url})
	close(dialed)
	first, second := <-wrote, <-wrote
	time.Sleep(30 * time.Millisecond) // so that a wrong time shows
	opened := Now()
	h := &arrivals{got: make(chan Message, 3)}
	run(t, c, h)
	a, b := <-h.got, <-h.got
	close(read)
	third, m := <-wrote, <-h.got
	const clocks = time.Millisecond // the wall clock may be adjusted meanwhile, by less than that
	within := func(name string, m Message, from, until time.Duration) {
		t.Helper()
		if m.From > m.Until || m.Until > m.At || m.From < from-clocks || m.Until > until+clocks {
			t.Errorf("%s came between %v and %v and was read at %v, want it to come within %v and %v", name, m.From, m.Until, m.At, from, until)
		}
	}
	if a.At < opened || a.At != b.At {
		t.Errorf("read at %v and %v, opened at %v", a.At, b.At, opened)
	}
	within("the first", a, 0, second[1])
	if a.Until < first[0]-clocks {
		t.Errorf("the first came by %v, before it was written at %v", a.Until, first[0])
	}
	within("the last of a read", b, second[0], second[1])
	within("one that is awaited", m, third[0], m.At)
	if b.From != b.Until || m.From != m.Until {
		t.Errorf("the ends of reads are not exact: %v to %v, %v to %v", b.From, b.Until, m.From, m.Until)
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
