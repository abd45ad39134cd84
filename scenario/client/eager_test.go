//go:build unix

package client

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// securePair returns a joined websocket client over TLS and the server's end of its session.
func securePair(t *testing.T, cfg Config) (*Client, *peer) {
	t.Helper()
	peers, over := make(chan *peer, 1), make(chan struct{})
	at := secure(t, func(p *peer) {
		join(p, 25000, 20000, func(p *peer) {
			peers <- p
			<-over
		})
	})
	cfg.URL, cfg.TLS = at.URL, at.TLS
	c := dial(t, &cfg)
	t.Cleanup(func() {
		c.Close()
		close(over)
	})
	return c, <-peers
}

// What the kernel has room for leaves with Send: nothing waits behind it, so that volatile messages
// are sent, too.
func TestSendsOverTLSDoNotQueue(t *testing.T) {
	c, server := securePair(t, Config{})
	for i := range 100 {
		if err := c.Send(fmt.Appendf(nil, `2["m",%d]`, i)); err != nil {
			t.Fatal(err)
		}
		if c.Busy() || c.Unsent() != 0 {
			t.Fatalf("message %d waits in the client", i)
		}
	}
	for i := range 100 {
		server.expect(fmt.Sprintf(`42["m",%d]`, i))
	}
}

// Where the server reads nothing, Send does not wait, the queue has its limit, and all that was taken
// arrives as it was sent, once it reads.
func TestBackpressureOverTLS(t *testing.T) {
	const most = 256 << 10
	c, server := securePair(t, Config{MaxQueue: most})
	filler := strings.Repeat("x", 20_000)
	sent := 0
	for before := Now(); ; sent++ {
		err := c.Send(fmt.Appendf(nil, `2["m",%d,"%s"]`, sent, filler))
		if err == ErrBackpressure { //nolint:errorlint // it is never wrapped
			if since := c.Unsent(); since < before || since > Now() {
				t.Errorf("unsent since %v, began at %v", since, before)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.ws.mu.Lock()
	if queued := c.ws.writing + len(c.ws.queue); !c.ws.flushing || queued > most {
		t.Errorf("%d bytes are queued, limit %d; flushing %t", queued, most, c.ws.flushing)
	}
	c.ws.mu.Unlock()
	for i := range sent {
		if !server.expect(fmt.Sprintf(`42["m",%d,"%s"]`, i, filler)) {
			return
		}
	}
	for end := time.Now().Add(patience); c.Busy() || c.Unsent() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is busy still, and everything has arrived")
		}
	}
	if err := c.Send([]byte(`2["end"]`)); err != nil || c.Busy() {
		t.Errorf("%v, busy %t: what has waited is gone", err, c.Busy())
	}
	server.expect(`42["end"]`)
	if c.ws.conn.out.left != nil {
		t.Error("it keeps the memory of what has waited")
	}
}

// A session that ends while much waits lets go of the goroutine that wrote it.
func TestCloseOfABusyConnectionOverTLS(t *testing.T) {
	c, _ := securePair(t, Config{})
	done := run(t, c, newHeard())
	for packet := []byte(`2["` + strings.Repeat("x", 64<<10) + `"]`); c.Send(packet) == nil; {
	}
	c.Close()
	ends(t, done, ClientDisconnect)
}

// What a Write over TLS waits with is little, and it is gone with the connection.
func TestLittleWaitsUnderTLS(t *testing.T) {
	c, _ := securePair(t, Config{})
	out, wrote := c.ws.conn.out, make(chan error, 1)
	go func() {
		_, err := c.ws.conn.Write(make([]byte, 64<<20)) // the server reads nothing
		wrote <- err
	}()
	waits := func() bool {
		if out.draining.TryLock() {
			out.draining.Unlock()
			return false
		}
		return out.owes()
	}
	for end := time.Now().Add(patience); !waits(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the kernel takes everything")
		}
	}
	left := func() []byte {
		out.mu.Lock()
		defer out.mu.Unlock()
		return out.left
	}
	if n := len(left()); n > 2*maxPiece {
		t.Errorf("%d bytes wait under TLS, want at most %d", n, 2*maxPiece)
	}
	c.Close()
	if err := <-wrote; err == nil {
		t.Error("all is written, and nobody has read it")
	}
	if left() != nil {
		t.Error("the end of the connection leaves what has waited")
	}
	if _, err := out.Write([]byte("more")); err == nil {
		t.Error("it takes more behind what is lost")
	}
}

// What crypto/tls answers by itself does not gather without end where the server reads nothing.
func TestAnswersUnderTLSAreBounded(t *testing.T) {
	c, _ := securePair(t, Config{MaxQueue: 1 << 20})
	for packet := []byte(`2["` + strings.Repeat("x", 64<<10) + `"]`); c.Send(packet) == nil; {
	}
	out, answer := c.ws.conn.out, make([]byte, 27)
	for written := 0; ; written += len(answer) {
		_, err := out.Write(answer)
		if errors.Is(err, errUnanswered) {
			break
		}
		if err != nil || written > 16<<20 {
			t.Fatalf("%d bytes are taken, %v", written, err)
		}
	}
	if _, err := out.Write(answer); !errors.Is(err, errUnanswered) {
		t.Errorf("%v, and a record before it is not whole", err)
	}
}
