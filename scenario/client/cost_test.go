//go:build unix

package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// broadcast is a delivery of the size that the measurements use: a frame of
// 120 bytes with a stamp in it.
var broadcast = text(`42["msg",{"$b":"` + strings.Repeat("s", 32) + `","p":"` + strings.Repeat("x", 58) + `"}]`)

// An idle websocket client is small, its connection included: a hundred thousand have to fit. The server's ends live in this
// process too, so pairs of bare connections are measured first, and half of such
// a pair is the client's.
func TestIdleMemory(t *testing.T) {
	const n, limit = 500, 3 << 10
	addr := serveIdle(t, n)
	base := memory()
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	pair := (memory() - base) / n
	base = memory()
	readers := &Readers{Place: onePlace}
	defer readers.Close()
	done := make(chan error, n)
	for range n {
		joined := make(chan *Client)
		go func() { // as a runner does it: the goroutine that dials ends
			c, err := Dial(context.Background(), &Config{URL: "http://" + addr})
			if err == nil {
				readers.Run(c, &counter{}, func(err error) { done <- err })
			} else {
				done <- err
			}
			joined <- c
		}()
		c := <-joined
		if c == nil {
			t.Fatal(<-done)
		}
		defer func() {
			c.Close()
			if err := <-done; err == nil {
				t.Error("a session has ended without an error")
			}
		}()
	}
	client := memory() - base
	each := client/n - pair/2
	t.Logf("%.1f KiB for an idle websocket client, %.1f of them for the connection", float64(each)/1024, float64(pair)/2048)
	if each > limit {
		t.Errorf("an idle websocket client takes %d bytes, limit %d", each, limit)
	}
}

// memory returns the live heap and the stacks in use, in bytes, after collections that have emptied
// the pools and shrunk the stacks.
func memory() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// serveIdle accepts connections with one goroutine for all and keeps them
// without further cost. The first ones are left bare, the others join.
func serveIdle(t *testing.T, bare int) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var conns []net.Conn
		r := bufio.NewReader(nil)
		for {
			conn, err := ln.Accept()
			if err != nil {
				break
			}
			conns = append(conns, conn)
			if bare > 0 {
				bare--
				continue
			}
			r.Reset(conn)
			p := &peer{Conn: conn, t: t, r: r}
			if req, _ := p.request(); req != nil {
				p.switchTo(req)
				p.put(text(open(3_600_000, 3_600_000, "")))
				p.expect("40")
				p.put(text(joined))
			}
		}
		for _, conn := range conns {
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ended
	})
	return ln.Addr().String()
}

// bare reads frames as directly as Go can: a raw read into one buffer, the
// length taken from the header, a byte of the payload looked at.
type bare struct {
	raw  syscall.RawConn
	buf  []byte
	r, w int
	sum  byte
	err  error
}

func (b *bare) frames(n int) error {
	for {
		for b.w-b.r >= 2 {
			size := 2 + int(b.buf[b.r+1])
			if b.w-b.r < size {
				break
			}
			b.sum += b.buf[b.r+2]
			b.r += size
			if n--; n == 0 {
				return nil
			}
		}
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
		err := b.raw.Read(func(fd uintptr) bool {
			m, err := syscall.Read(int(fd), b.buf[b.w:])
			if err == syscall.EAGAIN {
				return false
			}
			b.err = err
			if m > 0 {
				b.w += m
			}
			return true
		})
		if err != nil {
			return err
		}
		if b.err != nil {
			return b.err
		}
	}
}

// BenchmarkReceive compares the client with a bare reader of the same frames,
// for bursts of several sizes: a burst is one write of the server, and the next
// is written when the last is read.
func BenchmarkReceive(b *testing.B) {
	for _, burst := range []int{1, 8, 64} {
		wire := []byte(strings.Repeat(broadcast, burst))
		b.Run(fmt.Sprintf("reader=client/burst=%d", burst), func(b *testing.B) {
			c, server := pair(b)
			h := &plain{}
			lockstep(b, server, wire, burst, func() error {
				for range burst {
					if err := c.ws.step(h); err != nil {
						return err
					}
				}
				return nil
			})
		})
		b.Run(fmt.Sprintf("reader=bare/burst=%d", burst), func(b *testing.B) {
			c, server := pair(b)
			reader := &bare{raw: c.ws.conn.raw, buf: make([]byte, readSize)}
			lockstep(b, server, wire, burst, func() error { return reader.frames(burst) })
		})
	}
}

type plain struct{ n int }

func (h *plain) Event(*Message) { h.n++ }
func (h *plain) Ack(*Message)   {}

func lockstep(b *testing.B, server net.Conn, wire []byte, burst int, read func() error) {
	b.Helper()
	next := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range next {
			if _, err := server.Write(wire); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		next <- struct{}{}
		if err := read(); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	close(next)
	<-ended
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/frame")
}

func BenchmarkSend(b *testing.B) {
	c, server := pair(b)
	go func() { _, _ = io.Copy(io.Discard, server) }()
	packet := []byte(`2["msg",{"p":"` + strings.Repeat("x", 80) + `"}]`)
	b.ReportAllocs()
	for b.Loop() {
		for c.Send(packet) != nil {
			runtime.Gosched()
		}
	}
}
