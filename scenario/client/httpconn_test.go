package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// posting plays a polling server. post is given each POST with its number among the requests of its
// connection, from 0, and answers it; false ends the connection.
func posting(post func(p *peer, n int, body string) bool) func(p *peer) {
	return func(p *peer) {
		for n := 0; ; n++ {
			req, body := p.request()
			switch {
			case req == nil:
				return
			case req.Method == http.MethodPost:
				if !post(p, n, body) {
					return
				}
			case p.no == 0 && n == 0:
				p.answer(200, open(25000, 20000, ""))
			case p.no == 0 && n == 2:
				p.answer(200, joined)
			default:
				p.slurp()
			}
		}
	}
}

// A postLog notes POSTs, each with the number of its connection.
type postLog struct {
	mu  sync.Mutex
	all []string
}

func (l *postLog) add(p *peer, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%d:%s", p.no, body))
}

func (l *postLog) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// wait waits for so many POSTs.
func (l *postLog) wait(t *testing.T, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(patience); len(l.list()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("POSTs %q, want %d", l.list(), n)
		}
	}
	return l.list()
}

// A connection of POSTs that the server closes when idle is replaced, and
// nothing is sent twice.
func TestPollingIdleConnection(t *testing.T) {
	closed := make(chan struct{})
	var posts postLog
	url := listen(t, posting(func(p *peer, _ int, body string) bool {
		posts.add(p, body)
		p.answer(200, "ok")
		if p.no == 1 {
			p.Close()
			close(closed)
		}
		return p.no != 1
	}))
	c := dial(t, &Config{URL: url, Transport: Polling})
	run(t, c, newHeard())
	for i, want := range []string{"0:40", `1:42["a"]`, `2:42["b"]`} {
		if i > 0 {
			if err := c.Send([]byte(want[3:])); err != nil {
				t.Fatal(err)
			}
		}
		if i == 1 {
			<-closed
			c.poll.postMu.Lock()
			for c.poll.post.usable() { // until the end has come through
				time.Sleep(time.Millisecond)
			}
			c.poll.postMu.Unlock()
		}
		if got := posts.wait(t, i+1); got[i] != want {
			t.Errorf("POST %q, want %q", got[i], want)
		}
	}
}

// A server may answer each request on a connection of its own, as with HTTP/1.0, and leave the end
// of those to the client: none of them stays open.
func TestPollingConnectionsEnd(t *testing.T) {
	var opened, ended atomic.Int64
	url := listen(t, func(p *peer) {
		opened.Add(1)
		defer ended.Add(1)
		req, body := p.request()
		if req == nil {
			return
		}
		answer := "ok"
		switch {
		case req.Method == http.MethodPost:
			if body != "40" {
				answer = ""
			}
		case req.URL.Query().Get("sid") == "":
			answer = open(25000, 20000, "")
		default:
			answer = joined
		}
		p.put(fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer))
		if _, err := p.r.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection stays open")
		}
	})
	c := dial(t, &Config{URL: url, Transport: Polling})
	c.Close()
	_ = c.Run(newHeard())
	for deadline := time.Now().Add(patience / 2); ended.Load() < opened.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d connections have ended", ended.Load(), opened.Load())
		}
	}
	if opened.Load() < 3 {
		t.Errorf("%d connections, want one for each request", opened.Load())
	}
}

// A server may end each connection behind an answer and not say so: every request is made again
// then. One that has no answer on a connection of its own is not, and ends the session.
func TestPollingConnectionsEndSilently(t *testing.T) {
	for transport, bodies := range map[string][]string{Polling: {joined, `42["a"]`, `42["b"]`}, Upgrade: {joined, "6"}} {
		t.Run(transport, func(t *testing.T) {
			polls := make(chan string, 10)
			for _, body := range bodies {
				polls <- body
			}
			close(polls)
			url := listen(t, func(p *peer) {
				req, _ := p.request()
				switch {
				case req == nil:
					return
				case req.URL.Query().Get("transport") == WebSocket:
					p.switchTo(req)
					p.expect("2probe")
					p.put(text("3probe"))
					p.expect("5")
					p.put(text(`42["a"]`) + text(`42["b"]`))
					return
				case req.Method == http.MethodPost:
					p.answer(200, "ok")
				case req.URL.Query().Get("sid") == "":
					p.answer(200, open(25000, 20000, `"websocket"`))
				default:
					body, ok := <-polls
					if !ok {
						return
					}
					p.answer(200, body)
				}
				_ = p.Conn.(*net.TCPConn).CloseWrite()
				p.slurp()
			})
			c := dial(t, &Config{URL: url, Transport: transport})
			if c.UpgradeErr != nil {
				t.Error(c.UpgradeErr)
			}
			h := newHeard()
			ends(t, run(t, c, h), TransportClose)
			equal(t, h.wait(t, 2), "event a []", "event b []")
		})
	}
}

// A server that answers each request on a connection of its own may be gone when the next one is to
// be opened, and refuse nothing: the session ends when a ping is overdue.
func TestPollingConnectsInTime(t *testing.T) {
	s := newPoller(t, open(60, 40, ""), fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(joined), joined))
	var gone atomic.Bool
	c := dial(t, &Config{URL: s.url, Transport: Polling, Dial: func(ctx context.Context, d *net.Dialer, address string) (net.Conn, error) {
		if gone.Swap(true) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return d.DialContext(ctx, "tcp", address)
	}})
	ends(t, run(t, c, newHeard()), TransportError)
}

// unanswering plays a polling server whose connection of POSTs, the second, answers so many of them
// and closes at the next, which it has read.
func unanswering(t *testing.T, answers int) (url string, posts *postLog) {
	posts = &postLog{}
	return listen(t, posting(func(p *peer, n int, body string) bool {
		posts.add(p, body)
		if p.no == 1 && n == answers {
			return false
		}
		p.answer(200, "ok")
		return true
	})), posts
}

// A POST that a server did not answer before it closed an idle connection is made again on another
// one, and only that.
func TestPollingRequestIsMadeAgain(t *testing.T) {
	url, posts := unanswering(t, 1)
	c := dial(t, &Config{URL: url, Transport: Polling})
	run(t, c, newHeard())
	want := []string{"0:40", `1:42["a"]`, `1:42["b"]`, `2:42["b"]`, `2:42["c"]`}
	for _, packet := range []string{`2["a"]`, `2["b"]`, `2["c"]`} {
		if err := c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
		idle(c)
	}
	equal(t, posts.wait(t, len(want))[:len(want)], want...)
}

// Over TLS a client does not see that a server has closed an idle connection before it writes on
// it.
func TestPollingOverTLSOutlivesIdleConnections(t *testing.T) {
	posts := make(chan string, 10)
	cfg := secure(t, posting(func(p *peer, _ int, body string) bool {
		p.answer(200, "ok")
		if p.no > 0 {
			p.Close() // before the client hears of it
		}
		posts <- body
		return p.no == 0
	}))
	cfg.Transport = Polling
	c := dial(t, cfg)
	c.poll.parting = patience
	run(t, c, newHeard())
	for _, packet := range []string{"40", `42["a"]`, `42["b"]`, `42["c"]`, "41\x1e1"} {
		switch packet[:2] {
		case "42":
			if err := c.Send([]byte(packet[1:])); err != nil {
				t.Fatal(err)
			}
		case "41":
			c.Close()
		}
		select {
		case got := <-posts:
			if got != packet {
				t.Errorf("POST %q, want %q", got, packet)
			}
		case <-time.After(patience):
			t.Fatalf("no POST %q", packet)
		}
		idle(c)
	}
}

// One that the first connection did not answer is not: the server has dropped the session.
func TestPollingRequestIsLost(t *testing.T) {
	url, posts := unanswering(t, 0)
	c := dial(t, &Config{URL: url, Transport: Polling})
	done := run(t, c, newHeard())
	if err := c.Send([]byte(`2["a"]`)); err != nil {
		t.Fatal(err)
	}
	ends(t, done, TransportClose)
	equal(t, posts.list(), "0:40", `1:42["a"]`)
}
