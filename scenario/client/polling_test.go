package client

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// poller plays a polling server over as many connections as the client opens.
// GETs are answered with what the test queues, one body each.
type poller struct {
	t      *testing.T
	url    string
	bodies chan string // answers of GETs
	posts  chan string // bodies of POSTs
	head   string      // of each answer

	mu       sync.Mutex
	stall    chan struct{} // POSTs that come from now on are answered when it is received from
	conns    map[int]int   // connection -> requests
	requests []string
}

func newPoller(t *testing.T, first ...string) *poller {
	s := &poller{t: t, bodies: make(chan string, 1000), posts: make(chan string, 1000), conns: map[int]int{}}
	for _, body := range first {
		s.bodies <- body
	}
	s.url = listen(t, s.serve)
	t.Cleanup(func() { close(s.bodies) })
	return s
}

func (s *poller) serve(p *peer) {
	for {
		req, body := p.request()
		if req == nil {
			return
		}
		s.mu.Lock()
		s.conns[p.no]++
		s.requests = append(s.requests, fmt.Sprintf("%s sid=%s t=%s cookie=%s", req.Method,
			req.URL.Query().Get("sid"), req.URL.Query().Get("t"), req.Header.Get("Cookie")))
		stall := s.stall
		s.mu.Unlock()
		if req.Method == http.MethodPost {
			s.posts <- body
			if stall != nil {
				<-stall
			}
			p.answer(200, "ok")
			continue
		}
		gone := make(chan struct{})
		go func() { // a client that leaves ends the wait
			defer close(gone)
			_, _ = p.r.Peek(1)
		}()
		select {
		case answer, ok := <-s.bodies:
			switch {
			case !ok:
				p.Close()
				<-gone
				return
			case strings.HasPrefix(answer, "HTTP/"):
				p.put(answer)
			default:
				p.put(fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", s.head, len(answer), answer))
			}
			if strings.Contains(answer, "Connection: close") {
				p.Close()
			}
			<-gone
		case <-gone:
			return
		}
	}
}

// stallPosts keeps back the answers of POSTs that have not come yet.
func (s *poller) stallPosts() (next chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stall = make(chan struct{})
	return s.stall
}

// post returns the next body that the client posted.
func (s *poller) post() string {
	s.t.Helper()
	select {
	case body := <-s.posts:
		return body
	case <-time.After(patience):
		s.t.Fatal("no POST")
		return ""
	}
}

const joined = `40{"sid":"public"}`

func TestPollingSession(t *testing.T) {
	s := newPoller(t, open(25000, 20000, `"websocket"`), joined+"\x1e"+`42["early"]`)
	s.head = "Set-Cookie: io=abc; Path=/; HttpOnly\r\nSet-Cookie: lb=2\r\nKeep-Alive: timeout=5\r\n"
	c := dial(t, &Config{URL: s.url, Transport: Polling, Header: map[string][]string{"Cookie": {"own=1"}}})
	h := newHeard()
	done := run(t, c, h)
	if got := s.post(); got != "40" {
		t.Errorf("CONNECT: %q", got)
	}
	s.bodies <- `42["a",1]` + "\x1e" + `2` + "\x1e" + `451-["b",{"_placeholder":true,"num":0}]` + "\x1e" + `bAAH/`
	if got := s.post(); got != "3" {
		t.Errorf("pong: %q", got)
	}
	s.bodies <- "6"
	s.bodies <- "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n42[\r\n4\r\n\"c\"]\r\n0\r\n\r\n"
	s.bodies <- "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n" + `42["d"]`
	s.bodies <- `42["e"]`
	equal(t, h.wait(t, 6), "event early []", "event a [1]", `event b [{"_placeholder":true,"num":0}] 0001ff`,
		"event c []", "event d []", "event e []")
	if err := c.SendBinary([]byte(`51-["x",{"_placeholder":true,"num":0}]`), []byte("abcd")); err != nil {
		t.Fatal(err)
	}
	if got := s.post(); got != `451-["x",{"_placeholder":true,"num":0}]`+"\x1ebYWJjZA==" {
		t.Errorf("binary: %q", got)
	}
	c.Close()
	ends(t, done, ClientDisconnect)

	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) != 3 {
		t.Errorf("%d connections, want one for GETs, one more after Connection: close, and one for POSTs", len(s.conns))
	}
	seen := map[string]bool{}
	for i, r := range s.requests {
		want := "sid=SID"
		cookie := "cookie=own=1; lb=2; io=abc" // the longer path first, as section 5.4 of RFC 6265 says
		if i == 0 {
			want, cookie = "sid= ", "cookie=own=1"
		}
		if !strings.Contains(r, want) || !strings.HasSuffix(r, cookie) {
			t.Errorf("request %d: %s", i, r)
		}
		_, buster, _ := strings.Cut(r, " t=")
		if seen[buster] {
			t.Errorf("cache buster twice: %s", r)
		}
		seen[buster] = true
	}
}

// A client that is closed while nothing is posted leaves the namespace and
// the engine on the idle connection.
func TestPollingGoodbye(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling})
	done := run(t, c, newHeard())
	s.post()
	if err := c.Send([]byte(`2["a"]`)); err != nil {
		t.Fatal(err)
	}
	s.post()
	idle(c) // the answer to the POST was read
	c.Close()
	ends(t, done, ClientDisconnect)
	if got := s.post(); got != "41\x1e1" {
		t.Errorf("goodbye: %q", got)
	}
}

// A client keeps the connection of its goodbye until it is answered: a proxy that finds it gone
// drops the request.
func TestPollingGoodbyeIsAnswered(t *testing.T) {
	left := make(chan bool, 1)
	first := make(chan string, 1)
	url := listen(t, func(p *peer) {
		for {
			req, body := p.request()
			switch {
			case req == nil:
				return
			case req.Method == http.MethodGet:
				p.answer(200, <-first)
			case !strings.HasSuffix(body, "\x1e1"):
				p.answer(200, "ok")
			default:
				_ = p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, err := p.r.Peek(1)
				left <- !errors.Is(err, os.ErrDeadlineExceeded)
				p.answer(200, "ok")
				return
			}
		}
	})
	first <- open(25000, 20000, "")
	go func() { first <- joined }()
	c := dial(t, &Config{URL: url, Transport: Polling})
	c.poll.parting = patience
	c.Close()
	if <-left {
		t.Error("the client left before its goodbye was answered")
	}
}

// A client whose idle connection the server has closed says goodbye on a new one.
func TestPollingGoodbyeOnNewConnection(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(joined))+"\r\n\r\n"+joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling})
	s.post()
	c.Close()
	if got := s.post(); got != "41\x1e1" {
		t.Errorf("goodbye: %q", got)
	}
	ends(t, run(t, c, newHeard()), ClientDisconnect)
}

// A client that never ran has only the connection of its GETs, and it is idle.
func TestPollingGoodbyeBeforeRun(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling})
	s.post()
	c.Close()
	if got := s.post(); got != "41\x1e1" {
		t.Errorf("goodbye: %q", got)
	}
	ends(t, run(t, c, newHeard()), ClientDisconnect)
}

// idle waits until c posts nothing.
func idle(c *Client) {
	for posting := true; posting; runtime.Gosched() {
		c.poll.mu.Lock()
		posting = c.poll.posting
		c.poll.mu.Unlock()
	}
}

// Packets queued during a POST form the next bodies, each within maxPayload (100 here), whole
// packets only, in order.
func TestPollingJoinsPackets(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling})
	run(t, c, newHeard())
	s.post()
	stall := s.stallPosts()
	defer close(stall) // the goodbye is a POST, too
	var want []string
	for i := range 50 {
		packet := fmt.Sprintf(`2["m",%d]`, i)
		if i == 20 {
			packet = `2["` + strings.Repeat("x", 200) + `"]`
		}
		want = append(want, "4"+packet)
		if err := c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	bodies := 0
	for len(got) < 50 {
		body := s.post()
		bodies++
		packets := strings.Split(body, "\x1e")
		if len(body) > 100 && len(packets) > 1 {
			t.Errorf("%d packets in %d bytes", len(packets), len(body))
		}
		got = append(got, packets...)
		stall <- struct{}{}
	}
	equal(t, got, want...)
	if bodies > 12 {
		t.Errorf("%d bodies", bodies)
	}
}

func TestPollingBackpressure(t *testing.T) {
	s := newPoller(t, open(25000, 20000, ""), joined)
	c := dial(t, &Config{URL: s.url, Transport: Polling, MaxQueue: 1000})
	done := run(t, c, newHeard())
	s.post()
	stall := s.stallPosts()
	defer close(stall)
	sent := 0
	for ; sent < 1000; sent++ {
		if err := c.Send([]byte(`2["m"]`)); err != nil {
			if !errors.Is(err, ErrBackpressure) {
				t.Fatal(err)
			}
			break
		}
	}
	if sent < 100 || sent > 150 {
		t.Errorf("%d packets were taken", sent)
	}
	c.Close() // while a POST is unanswered
	ends(t, done, ClientDisconnect)
}

func TestPollingEnds(t *testing.T) {
	for name, test := range map[string]struct{ body, reason string }{
		"server disconnect": {"41", ServerDisconnect},
		"engine close":      {"6\x1e1", TransportClose},
		"session unknown":   {"HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n" + `{"code":1,"message":"Session ID unknown"}`, TransportError},
		"connection lost":   {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nabc", TransportClose},
		"oversize":          {strings.Repeat("4", 8001), TransportError},
		"oversize chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f41\r\n", TransportError},
		"empty segment":     {"6\x1e\x1e6", ParseError},
		"empty body":        {"", ParseError},
		"not a packet":      {"x", ParseError},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPoller(t, open(25000, 20000, ""), joined, test.body)
			ends(t, run(t, dial(t, &Config{URL: s.url, Transport: Polling, MaxMessage: 1000}), newHeard()), test.reason)
		})
	}
	t.Run("ping timeout", func(t *testing.T) {
		s := newPoller(t, open(60, 40, ""), joined)
		ends(t, run(t, dial(t, &Config{URL: s.url, Transport: Polling}), newHeard()), PingTimeout)
	})
	t.Run("POST refused", func(t *testing.T) {
		url := listen(t, func(p *peer) {
			for n := 0; ; n++ {
				switch req, body := p.request(); {
				case req == nil:
					return
				case body == "40":
					p.answer(200, "ok")
				case body != "":
					p.answer(413, "")
				case n == 0:
					p.answer(200, open(25000, 20000, ""))
				case n == 2:
					p.answer(200, joined)
				}
			}
		})
		c := dial(t, &Config{URL: url, Transport: Polling})
		done := run(t, c, newHeard())
		if err := c.Send([]byte(`2["a"]`)); err != nil {
			t.Fatal(err)
		}
		if e := ends(t, done, TransportError); !strings.Contains(e, "413") {
			t.Error(e)
		}
	})
}

func TestPollingRefused(t *testing.T) {
	posts := make(chan string, 10)
	url := listen(t, func(p *peer) {
		if p.no > 0 {
			t.Error("it connects again")
			return
		}
		defer close(posts)
		for n := 0; ; n++ {
			req, body := p.request()
			switch {
			case req == nil:
				return
			case req.Method == http.MethodPost:
				posts <- body
				p.answer(200, "ok")
			case n == 0:
				p.answer(200, open(25000, 20000, ""))
			default:
				p.answer(200, `44{"message":"no"}`)
			}
		}
	})
	fails(t, t.Context(), &Config{URL: url, Transport: Polling}, "namespace", "connect_error")
	equal(t, []string{<-posts, <-posts, <-posts}, "40", "1", "") // the engine's session is not left behind
	s := newPoller(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 51\r\n\r\n"+`{"code":5,"message":"Unsupported protocol version"}`)
	fails(t, t.Context(), &Config{URL: s.url, Transport: Polling}, "open", "engine.5")
	s = newPoller(t, `42["a"]`)
	fails(t, t.Context(), &Config{URL: s.url, Transport: Polling}, "open", "protocol")
	s = newPoller(t, open(25000, 20000, ""), "1")
	fails(t, t.Context(), &Config{URL: s.url, Transport: Polling}, "namespace", "closed")
}
