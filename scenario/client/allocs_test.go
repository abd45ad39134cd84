//go:build unix && !race

package client

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// Receiving allocates nothing for a text in one frame.
func TestReceiveAllocations(t *testing.T) {
	c, server := pair(t)
	h := &counter{}
	binary := text(`451-["b",{"_placeholder":true,"num":0}]`) + frame(0x82, "attachment")
	for name, test := range map[string]struct {
		wire  string
		n     int
		limit float64
	}{
		"one":        {broadcast, 1, 0},
		"burst":      {strings.Repeat(broadcast, 20), 20, 0},
		"ack":        {text(`4317["a",1]`), 1, 0},
		"fragmented": {frame(0x01, "4") + frame(0x80, broadcast[3:]), 1, 0},
		"binary":     {binary, 2, 4},
	} {
		wire := []byte(test.wire)
		allocs := testing.AllocsPerRun(200, func() {
			if _, err := server.Write(wire); err != nil {
				t.Fatal(err)
			}
			for range test.n {
				if err := c.ws.step(h); err != nil {
					t.Fatal(err)
				}
			}
			c.ws.rd.park()
		})
		if allocs > test.limit {
			t.Errorf("%s: %v allocations, limit %v", name, allocs, test.limit)
		}
	}
	if h.n.Load() == 0 {
		t.Error("no event")
	}
}

// Nor does it where Readers read, from the wait for the message to the next.
func TestReadersAllocations(t *testing.T) {
	c, server := pair(t)
	h := &signal{got: make(chan struct{}, 1)}
	readers := &Readers{Place: onePlace}
	ended := make(chan error, 1)
	readers.Run(c, h, func(err error) { ended <- err })
	wire := []byte(broadcast)
	const n = 500
	var before, after runtime.MemStats
	for i := range n + 1 {
		if i == 1 { // the first one makes the buffers
			runtime.ReadMemStats(&before)
		}
		if _, err := server.Write(wire); err != nil {
			t.Fatal(err)
		}
		<-h.got
	}
	runtime.ReadMemStats(&after)
	_ = c.Close()
	if err := <-ended; err == nil {
		t.Error("a session has ended without an error")
	}
	readers.Close()
	if allocs := after.Mallocs - before.Mallocs; allocs > n/2 { // the rest of the process has some
		t.Errorf("%d allocations for %d messages", allocs, n)
	}
}

type signal struct{ got chan struct{} }

func (h *signal) Event(*Message) { h.got <- struct{}{} }
func (h *signal) Ack(*Message)   {}

func TestSendAllocations(t *testing.T) {
	c, server := pair(t)
	packet := []byte(`2["msg",{"p":"` + strings.Repeat("x", 80) + `"}]`)
	alone := [][]byte{packet}
	buf := make([]byte, 1000)
	for name, test := range map[string]struct {
		send func() error
		head int // bytes of the frame before the packet
	}{
		"Send":       {func() error { return c.Send(packet) }, 7},
		"SendBinary": {func() error { return c.SendBinary(nil, alone...) }, 6},
	} {
		allocs := testing.AllocsPerRun(200, func() {
			if err := test.send(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(server, buf[:len(packet)+test.head]); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 0 {
			t.Errorf("%v allocations for a %s", allocs, name)
		}
	}
}

// Over TLS what is left is of crypto/tls.
func TestSecureSendAllocations(t *testing.T) {
	c, server := securePair(t, Config{})
	packet := []byte(`2["msg",{"p":"` + strings.Repeat("x", 80) + `"}]`)
	buf := make([]byte, len(packet)+7)
	allocs := testing.AllocsPerRun(200, func() {
		if err := c.Send(packet); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server.Conn, buf); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1 { // crypto/tls has one for each read of the server
		t.Errorf("%v allocations for a Send over TLS", allocs)
	}
}

func TestPollingAllocations(t *testing.T) {
	c, server := pair(t)
	p := newPolling(c, &target{path: "/socket.io/", host: "h", cookies: cookieField{jar: new(Jar)}}, c.links[mainSlot])
	defer p.stop()
	c.ws, c.poll = nil, p
	payload := broadcast[2:]
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\ncache-control: no-store\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n%s", len(payload), payload)
	buf := make([]byte, 1000)
	h := &counter{}
	allocs := testing.AllocsPerRun(200, func() {
		if err := p.request(p.ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Write(answer); err != nil {
			t.Fatal(err)
		}
		if err := p.collect(h); err != nil {
			t.Fatal(err)
		}
		p.get.rd.park()
	})
	if allocs > 0 || h.n.Load() == 0 {
		t.Errorf("%v allocations for a message by polling", allocs)
	}
}
