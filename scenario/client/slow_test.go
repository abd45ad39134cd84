package client

import (
	"testing"
	"time"
)

func TestPaceKeepsTheRate(t *testing.T) {
	p := newPace(&Slow{Rate: 10_000})
	now, read := time.Duration(0), 0
	for now < 10*time.Second {
		wait, n := p.next(now)
		if wait > 0 && n > 0 || wait <= 0 && n <= 0 {
			t.Fatalf("at %v: wait %v and read %d", now, wait, n)
		}
		if n > 1000 {
			t.Fatalf("%d bytes at once of 10 000 a second", n)
		}
		p.took(n)
		read += n
		now += max(wait, time.Microsecond)
	}
	if read < 98_000 || read > 101_000 {
		t.Errorf("read %d bytes in 10 s, want 100 000", read)
	}
}

func TestPaceStalls(t *testing.T) {
	p := newPace(&Slow{Stall: 2 * time.Second, Every: 10 * time.Second, First: 3 * time.Second})
	for at, want := range map[time.Duration]time.Duration{
		0: 0, 2999 * time.Millisecond: 0, 3 * time.Second: 2 * time.Second, 4 * time.Second: time.Second,
		5 * time.Second: 0, 12 * time.Second: 0, 13500 * time.Millisecond: 1500 * time.Millisecond,
	} {
		if wait, n := p.next(at); wait != want || (n > 0) != (want == 0) {
			t.Errorf("at %v: wait %v and read %d, want %v", at, wait, n, want)
		}
	}
	once := newPace(&Slow{Stall: time.Second})
	if wait, _ := once.next(500 * time.Millisecond); wait != 500*time.Millisecond {
		t.Errorf("wait %v", wait)
	}
	if wait, n := once.next(time.Hour); wait != 0 || n == 0 {
		t.Errorf("an hour after its one stall it waits %v", wait)
	}
}

// A stalled client slows its server's writes on every transport, and can be closed at any time.
func TestStalledClientStopsTheServer(t *testing.T) {
	for _, transport := range []string{WebSocket, Polling} {
		t.Run(transport, func(t *testing.T) {
			stuck := make(chan error, 1)
			url := listen(t, func(p *peer) {
				req, _ := p.request()
				if transport == WebSocket {
					p.switchTo(req)
					p.put(text(open(25_000, 20_000, "")))
					p.put(text(`40{"sid":"x"}`))
				} else {
					p.answer(200, open(25_000, 20_000, ""))
					p.request()
					p.answer(200, "ok")
					p.request()
					p.answer(200, `40{"sid":"x"}`)
					p.request()
					p.put("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
				}
				_ = p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
				var err error
				for range 1000 { // 64 MB, more than the kernel takes
					if _, err = p.Write(make([]byte, 64<<10)); err != nil {
						break
					}
				}
				stuck <- err
			})
			c, err := Dial(t.Context(), &Config{URL: url, Transport: transport, Slow: &Slow{Stall: time.Hour}})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Run(newHeard()) }()
			if err := <-stuck; err == nil {
				t.Error("the server could write 64 MB to a client that does not read")
			}
			_ = c.Close()
			if err := <-ended; err == nil {
				t.Error("Run ended without a reason")
			}
			if in, _ := c.Bytes(); in > 1<<20 {
				t.Errorf("it read %d bytes while it stalled", in)
			}
		})
	}
}
