package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Messages sent from several goroutines arrive in order and intact, whatever their sizes and
// however slowly the server reads.
func TestSendOrder(t *testing.T) {
	const senders, each = 4, 300
	got := make(chan error, 1)
	url := session(t, 25000, 20000, func(p *peer) {
		var next [senders]int
		for range senders * each {
			_, payload, err := p.clientFrame()
			if err != nil {
				got <- err
				return
			}
			var who, seq, size int
			head, body, _ := strings.Cut(payload, "|")
			if _, err := fmt.Sscanf(head, `42["m",%d,%d,%d,`, &who, &seq, &size); err != nil {
				got <- fmt.Errorf("%q: %w", head, err)
				return
			}
			if seq != next[who] || strings.Trim(body, "y") != `"]` || len(body) != size+2 {
				got <- fmt.Errorf("packet %d of %d, want %d; %d bytes, want %d", seq, who, next[who], len(body), size+2)
				return
			}
			next[who]++
			if seq%100 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
		got <- nil
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	run(t, c, newHeard())
	var wg sync.WaitGroup
	for who := range senders {
		wg.Go(func() {
			for seq := range each {
				size := rand.IntN(300)
				if seq%50 == 0 {
					size = rand.IntN(200_000)
				}
				packet := fmt.Appendf(nil, `2["m",%d,%d,%d,"|%s"]`, who, seq, size, strings.Repeat("y", size))
				for {
					err := c.Send(packet)
					if errors.Is(err, ErrBackpressure) {
						time.Sleep(time.Millisecond)
						continue
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	wg.Wait()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	_, out := c.Bytes()
	if out < senders*each*10 {
		t.Errorf("%d bytes out", out)
	}
}

// A server that does not read gets the queue filled and never blocks Send; when
// it reads again, everything that Send accepted arrives.
func TestBackpressure(t *testing.T) {
	read := make(chan struct{})
	total := make(chan int, 1)
	url := session(t, 25000, 20000, func(p *peer) {
		<-read
		n := 0
		for {
			_, payload, err := p.clientFrame()
			if err != nil || payload == `42["end"]` {
				total <- n
				return
			}
			n += len(payload)
		}
	})
	c := dial(t, &Config{URL: url, MaxQueue: 100_000})
	run(t, c, newHeard())
	packet := []byte(`2["m","` + strings.Repeat("z", 9_000) + `"]`)
	sent := 0
	for queued := 0; queued < 80_000; { // a kernel that is full may still take some more
		err := c.Send(packet)
		c.ws.mu.Lock()
		now := len(c.ws.queue) + c.ws.writing
		c.ws.mu.Unlock()
		if now > 100_000 {
			t.Fatalf("%d bytes are queued, the limit is 100000", now)
		}
		switch {
		case err == nil:
			sent++
		case errors.Is(err, ErrBackpressure):
			queued = now
		default:
			t.Fatal(err)
		}
		if sent == 100_000 {
			t.Fatal("no ErrBackpressure")
		}
	}
	close(read)
	for {
		err := c.Send([]byte(`2["end"]`))
		if err == nil {
			break
		}
		if !errors.Is(err, ErrBackpressure) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if got, want := <-total, sent*(len(packet)+1); got != want {
		t.Errorf("%d bytes arrived of %d", got, want)
	}
	if c.ws.conn.raw == nil {
		return
	}
	c.Close()
	c.ws.mu.Lock()
	defer c.ws.mu.Unlock()
	if c.ws.queue != nil {
		t.Error("the queue is kept")
	}
}

// Close does not wait for a server that does not read.
func TestCloseWhileBlocked(t *testing.T) {
	hold := make(chan struct{})
	url := session(t, 25000, 20000, func(*peer) { <-hold })
	defer close(hold)
	c := dial(t, &Config{URL: url, MaxQueue: 50_000})
	done := run(t, c, newHeard())
	for c.Send([]byte(`2["m","`+strings.Repeat("z", 40_000)+`"]`)) == nil {
	}
	c.Close()
	ends(t, done, ClientDisconnect)
}

func TestSendBinary(t *testing.T) {
	frames := make(chan string, 3)
	url := session(t, 25000, 20000, func(p *peer) {
		for range 3 {
			first, payload, err := p.clientFrame()
			frames <- fmt.Sprintf("%#x %q %v", first, payload, err)
		}
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	run(t, c, newHeard())
	if err := c.SendBinary([]byte(`52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`), []byte{0, 0x80}, nil); err != nil {
		t.Fatal(err)
	}
	equal(t, []string{<-frames, <-frames, <-frames},
		`0x81 "452-[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]" <nil>`,
		`0x82 "\x00\x80" <nil>`, `0x82 "" <nil>`)
}

// Every byte above TCP is counted, the handshake included.
func TestBytes(t *testing.T) {
	var in, out atomic.Uint64
	done := make(chan struct{})
	url := listen(t, func(p *peer) {
		counting := &counted{Conn: p.Conn, bytes: &traffic{}}
		p.Conn = counting
		p.r.Reset(counting)
		req, _ := p.request()
		p.switchTo(req)
		p.put(text(open(25000, 20000, "")))
		p.expect("40")
		p.put(text(`40{"sid":"public"}`))
		p.expect(`42["a"]`)
		p.put(frame(0x01, "4") + frame(0x80, `1`))
		p.slurp()
		in.Store(counting.bytes.in.Load())
		out.Store(counting.bytes.out.Load())
		close(done)
	})
	c := dial(t, &Config{URL: url})
	end := run(t, c, newHeard())
	if err := c.Send([]byte(`2["a"]`)); err != nil {
		t.Fatal(err)
	}
	ends(t, end, ServerDisconnect)
	<-done
	gotIn, gotOut := c.Bytes()
	if gotIn != out.Load() || gotOut != in.Load() {
		t.Errorf("client counts %d in, %d out; the server wrote %d and read %d", gotIn, gotOut, out.Load(), in.Load())
	}
}
