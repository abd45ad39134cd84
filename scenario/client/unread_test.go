package client

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A client has nothing unread while it waits, and something when its socket has or its handler is
// at work: with a goroutine of its own, with Readers, and under TLS.
func TestUnread(t *testing.T) {
	t.Run("readers", func(t *testing.T) { testUnread(t, plainly) })
	t.Run("goroutine", func(t *testing.T) {
		ownGoroutines = true
		defer func() { ownGoroutines = false }()
		testUnread(t, plainly)
	})
	t.Run("tls", func(t *testing.T) {
		testUnread(t, func(t *testing.T, script func(p *peer)) *Config {
			certificate := httptest.NewTLSServer(nil) // for its certificate only
			t.Cleanup(certificate.Close)
			ln, err := tls.Listen("tcp", "127.0.0.1:0", certificate.TLS)
			if err != nil {
				t.Fatal(err)
			}
			addr := accept(t, ln, func(p *peer) { join(p, 25000, 20000, script) })
			return &Config{URL: "wss://" + addr, TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
		})
	})
}

func plainly(t *testing.T, script func(p *peer)) *Config {
	t.Helper()
	return &Config{URL: session(t, 25000, 20000, script)}
}

func testUnread(t *testing.T, serve func(t *testing.T, script func(p *peer)) *Config) {
	t.Helper()
	more, written := make(chan struct{}), make(chan struct{})
	c := dial(t, serve(t, func(p *peer) {
		for range more {
			p.put(text(`42["a"]`))
			written <- struct{}{}
		}
		p.slurp()
	}))
	put := func() {
		more <- struct{}{}
		<-written
	}
	until := func(want bool, what string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); c.Unread() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: something unread is %v, want %v", what, !want, want)
			}
		}
	}
	put()
	until(true, "nobody reads yet")
	h := &held{busy: make(chan struct{}), free: make(chan struct{})}
	run(t, c, h)
	<-h.busy
	until(true, "the only message is being handled")
	put()
	h.free <- struct{}{}
	<-h.busy
	h.free <- struct{}{}
	until(false, "all are handled")
	c.Close()
	close(more)
}

// held is a handler that says when it has an event, and waits.
type held struct{ busy, free chan struct{} }

func (h *held) Event(*Message) {
	h.busy <- struct{}{}
	<-h.free
}

func (h *held) Ack(*Message) {}
