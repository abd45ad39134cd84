package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"

// chunks is a body in chunks of n bytes, without its end.
func chunks(s string, n int) (out string) {
	for len(s) > 0 {
		k := min(n, len(s))
		out += fmt.Sprintf("%x\r\n%s\r\n", k, s[:k])
		s = s[k:]
	}
	return out
}

// A stream is read as browsers do, however it is cut.
func TestEventStream(t *testing.T) {
	const stream = "\ufeffdata: marked\n\n: a comment\n\nretry: 1500\nretry: soon\nid: 7\nevent: said\ndata: {\"a\":1}\n\ndata:one\r\ndata: two\r\n\r\nevent: empty\n\ndata\rid: 8\r\r" +
		"data: \xf0\x9f\x98\x80\nunknown: x\n\nevent: cut\ndata: never dispatched"
	want := []string{"event message [marked]", `event said [{"a":1}]`, "event message [one\ntwo]", "event message []", "event message [😀]"}
	for name, body := range map[string]string{
		"bytes": "Transfer-Encoding: chunked\r\n\r\n" + chunks(stream, 1), "chunks of 7": "Transfer-Encoding: chunked\r\n\r\n" + chunks(stream, 7), "one chunk": "Transfer-Encoding: chunked\r\n\r\n" + chunks(stream, 1000) + "0\r\n\r\n",
		"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(stream), stream), "until the end": "Connection: close\r\n\r\n" + stream,
	} {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(p *peer) {
				req, _ := p.request()
				if req == nil {
					return
				}
				if req.URL.String() != "/events?room=r1" || req.Header.Get("Accept") != "text/event-stream" || req.Header.Get("Last-Event-ID") != "6" {
					t.Errorf("asked for %s with %v", req.URL, req.Header)
				}
				p.put(eventHead)
				if name == "bytes" {
					p.drip(body)
				} else {
					p.put(body)
				}
			})
			c := dial(t, &Config{URL: address, Path: "/events", Protocol: Events, Query: url.Values{"room": {"r1"}}, Recover: Session{Offset: "6"}})
			h := newHeard()
			done := run(t, c, h)
			equal(t, h.wait(t, len(want)), want...)
			if err := <-done; err == nil {
				t.Error("Run ended without a reason")
			}
			if s := c.Session(); s.Offset != "8" || s.Retry != 1500*time.Millisecond || !c.Recovered() {
				t.Errorf("session %+v, recovered %v", s, c.Recovered())
			}
		})
	}
}

// Requests follow each other; their answers come to the handler while the stream is silent.
func TestEventRequests(t *testing.T) {
	requests := make(chan string, 10)
	address := listen(t, func(p *peer) {
		for {
			req, body := p.request()
			switch {
			case req == nil:
				return
			case req.URL.Path == "/events":
				p.put(eventHead + "Set-Cookie: id=1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks("data: first\n\n", 1000))
				p.slurp()
				return
			}
			requests <- fmt.Sprintf("%s %s %s %q %s", req.Method, req.URL, req.Header.Get("Content-Type"), req.Header["Cookie"], body)
			status := 200
			if strings.Contains(body, "no") {
				status = 409
			}
			p.answer(status, "answer to "+body)
		}
	})
	c := dial(t, &Config{URL: address, Path: "/events", Protocol: Events})
	h := newHeard()
	run(t, c, h)
	h.wait(t, 1)
	for _, packet := range []string{"7POST /say?x=1\r\nContent-Type: application/json\r\n\r\n{}", "PUT /quiet\r\n\r\n", "PUT /refused\r\n\r\nno", "8DELETE /say\r\n\r\nno"} {
		if err := c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, h.wait(t, 4), "event message [first]", "ack #7 [answer to {}]", "ack [answer to no]", "ack #8 [answer to no]")
	for _, want := range []string{`POST /say?x=1 application/json ["id=1"] {}`, `PUT /quiet  ["id=1"] `, `PUT /refused  ["id=1"] no`, `DELETE /say  ["id=1"] no`} {
		if got := <-requests; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if err := c.Send([]byte(`42["x"]`)); err == nil {
		t.Error("a Socket.IO packet passed for a request")
	}
	if err := c.SendBinary(nil, []byte{1}); err == nil {
		t.Error("bytes passed for a request")
	}
}

// A request that fails concerns itself alone; the end of the stream ends the session, and so does
// its client while a request is under way.
func TestEventRequestFails(t *testing.T) {
	hang := make(chan struct{}, 1)
	address := listen(t, func(p *peer) {
		req, body := p.request()
		switch {
		case req == nil:
		case req.Method == http.MethodGet:
			p.put(eventHead + "Transfer-Encoding: chunked\r\n\r\n")
			p.slurp()
		case body == "hang":
			hang <- struct{}{}
			p.slurp()
		}
	})
	c := dial(t, &Config{URL: address, Protocol: Events})
	h := newHeard()
	done := run(t, c, h)
	for _, packet := range []string{"1POST /\r\n\r\nx", "2POST /\r\n\r\nhang"} {
		if err := c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, h.wait(t, 1), "ack #1 []")
	<-hang
	c.Close()
	ends(t, done, ClientDisconnect)
}

func TestEventStreamErrors(t *testing.T) {
	for _, test := range []struct{ name, answer, class, want string }{
		{"page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 30\r\n\r\n<!doctype html><title>A</title>", "page", `"A"`},
		{"JSON", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "protocol", `"application/json", not text/event-stream`},
		{"refused", "HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nlogin", "http.401", "login"},
		{"no content", "HTTP/1.1 204 No\r\n\r\n", "http.204", "204"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := listen(t, func(p *peer) {
				if req, _ := p.request(); req != nil {
					p.put(test.answer)
				}
			})
			if e := fails(t, t.Context(), &Config{URL: address, Protocol: Events}, "open", test.class); !strings.Contains(e, test.want) {
				t.Errorf("%s does not name %s", e, test.want)
			}
		})
	}
	for name, body := range map[string]string{"bad chunk": "x\r\n", "no chunk end": "1\r\nabc", "long line": chunks("data: "+strings.Repeat("x", 2000), 100), "long event": chunks(strings.Repeat("data: xxxxxxxxx\n", 200), 1600)} {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(p *peer) {
				if req, _ := p.request(); req != nil {
					p.put(eventHead + "Transfer-Encoding: chunked\r\n\r\n" + body)
					p.slurp()
				}
			})
			ends(t, run(t, dial(t, &Config{URL: address, Protocol: Events, MaxMessage: 1000}), newHeard()), TransportError)
		})
	}
}

// A client that vanishes reads nothing more, though its stream is awake for answers.
func TestEventVanish(t *testing.T) {
	address := listen(t, func(p *peer) {
		if req, _ := p.request(); req != nil {
			p.put(eventHead + "Transfer-Encoding: chunked\r\n\r\n")
			p.slurp()
		}
	})
	c := dial(t, &Config{URL: address, Protocol: Events})
	done := run(t, c, newHeard())
	c.poll.keepAnswer(answered{})
	c.Vanish()
	ends(t, done, TransportClose)
	c.CloseVanished()
}
