package client

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// A packet above MaxQueue leaves when nothing else waits: it could never be sent otherwise.
func TestLargePacketsLeave(t *testing.T) {
	packet := []byte(`2["m","` + strings.Repeat("x", 3<<20) + `"]`)
	t.Run(WebSocket, func(t *testing.T) {
		c, server := pair(t)
		arrived := make(chan int, 1)
		go func() {
			n, buf := 0, make([]byte, 64<<10)
			for n < len(packet) {
				m, err := server.Read(buf)
				if n += m; err != nil {
					break
				}
			}
			arrived <- n
		}()
		if err := c.Send(packet); err != nil {
			t.Fatal(err)
		}
		if n := <-arrived; n < len(packet) {
			t.Errorf("%d bytes arrived of %d", n, len(packet))
		}
	})
	t.Run(Polling, func(t *testing.T) {
		s := newPoller(t, open(25000, 20000, ""), joined)
		c := dial(t, &Config{URL: s.url, Transport: Polling})
		run(t, c, newHeard())
		s.post()
		if err := c.Send(packet); err != nil {
			t.Fatal(err)
		}
		if got := s.post(); !bytes.Equal([]byte(got), append([]byte("4"), packet...)) {
			t.Errorf("a body of %d bytes, want %d", len(got), len(packet)+1)
		}
	})
}

// A server that sends messages without end in the place of the answer to CONNECT takes no more
// memory than one that sends long ones, also when each is empty.
func TestLimitOfEarlyMessages(t *testing.T) {
	for name, message := range map[string]string{"empty": "4", "short": `42["a"]`} {
		url := listen(t, func(p *peer) {
			req, _ := p.request()
			p.switchTo(req)
			p.put(text(open(25000, 20000, "")))
			for many := strings.Repeat(text(message), 1000); ; {
				if _, err := p.Write([]byte(many)); err != nil {
					return
				}
			}
		})
		if said := fails(t, t.Context(), &Config{URL: url, MaxMessage: 100_000}, "namespace", "limit"); !strings.Contains(said, "while the client connected") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// What is larger than the client takes is said to be so, and not a fault of the server.
func TestLimitIsTheClients(t *testing.T) {
	parts := session(t, 25000, 20000, func(p *peer) {
		p.put(text(`452-["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`))
		p.put(frame(0x82, strings.Repeat("x", 501)) + frame(0x82, strings.Repeat("x", 500)))
		p.slurp()
	})
	err := dial(t, &Config{URL: parts, MaxMessage: 1000}).Run(newHeard())
	if limit, ok := errors.AsType[*LimitError](err); !ok || limit.Limit != 1000 || !strings.Contains(err.Error(), "attachments") {
		t.Errorf("attachments: %v", err)
	}
	for transport, url := range map[string]string{
		WebSocket: session(t, 25000, 20000, func(p *peer) {
			p.put(text(strings.Repeat("x", 1001)))
			p.slurp()
		}),
		Polling: newPoller(t, open(25000, 20000, ""), joined, strings.Repeat("4", 8001)).url,
	} {
		c := dial(t, &Config{URL: url, Transport: transport, MaxMessage: 1000})
		err := c.Run(newHeard())
		limit, ok := errors.AsType[*LimitError](err)
		if want := map[string]int{WebSocket: 1000, Polling: 8000}[transport]; !ok || limit.Limit != want || !strings.Contains(err.Error(), "that the client takes") {
			t.Errorf("%s: %v, want the limit %d", transport, err, want)
		}
	}
}
