package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends everything back, and a link to it.
func echo(t *testing.T) *Link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	l, err := Start(ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		ln.Close()
		wg.Wait()
	})
	return l
}

func dial(t *testing.T, l *Link) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// trip sends some bytes and waits until they are back.
func trip(t *testing.T, c net.Conn, n int) time.Duration {
	t.Helper()
	out := bytes.Repeat([]byte{'x'}, n)
	began := time.Now()
	go func() { _, _ = c.Write(out) }()
	in := make([]byte, n)
	if _, err := io.ReadFull(c, in); err != nil || !bytes.Equal(in, out) {
		t.Fatalf("after %d bytes: %v", n, err)
	}
	return time.Since(began)
}

func TestItPassesEverythingOn(t *testing.T) {
	t.Parallel()
	l := echo(t)
	c := dial(t, l)
	trip(t, c, 1)
	trip(t, c, 5<<20)
	// An end of what is sent is passed on, and what is on its way still comes.
	if _, err := c.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); err != nil || string(rest) != "last" {
		t.Errorf("%q, %v", rest, err)
	}
}

// Connections to the server are made as the caller of Start says: here to a name of its own.
func TestDial(t *testing.T) {
	t.Parallel()
	behind := echo(t)
	var dialled atomic.Int64
	l, err := Start("chat.test:80", func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Add(1); network != "tcp" || address != "chat.test:80" {
			return nil, fmt.Errorf("the link asks for %s of %s", network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, behind.Addr())
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		trip(t, dial(t, l), 100)
	}
	if n := dialled.Load(); n != 3 {
		t.Errorf("%d connections to the server, want 3", n)
	}
}

// A delay is of each direction, for connections that are open and for new ones, until it is undone.
func TestDelay(t *testing.T) {
	t.Parallel()
	l := echo(t)
	old := dial(t, l)
	trip(t, old, 1)
	l.Set(State{Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond})
	fresh := dial(t, l)
	awaitState(t, l, 2)
	for _, c := range []net.Conn{old, fresh} {
		if took := trip(t, c, 1); took < 80*time.Millisecond {
			t.Errorf("a round trip of %v, want 100 ms, give or take 20 ms", took)
		}
	}
	l.Set(State{})
	for deadline := time.Now().Add(30 * time.Second); trip(t, old, 1) >= 80*time.Millisecond; {
		if time.Now().After(deadline) {
			t.Fatal("the delay was not taken back")
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	l := echo(t)
	c := dial(t, l)
	trip(t, c, 1)
	l.Set(State{Rate: 200_000})
	awaitState(t, l, 1)
	if took := trip(t, c, 60_000); took < 250*time.Millisecond {
		t.Errorf("60 kB at 200 kB/s took %v, want 300 ms", took)
	}
}

// Both ends of a connection that is reset see that, and others do not.
func TestReset(t *testing.T) {
	t.Parallel()
	l := echo(t)
	one, two := dial(t, l), dial(t, l)
	trip(t, one, 1)
	trip(t, two, 1)
	open := l.Numbers()
	if len(open) != 2 {
		t.Fatalf("open: %v", open)
	}
	l.Reset(min(open[0], open[1]))
	lost := 0
	for _, c := range []net.Conn{one, two} {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.Write([]byte("x")); err == nil {
			if _, err = c.Read(make([]byte, 1)); err == nil {
				continue
			}
		}
		lost++
	}
	if lost != 1 {
		t.Errorf("%d of 2 connections were reset, want 1", lost)
	}
}

// A silent connection stays open, and nothing comes of it.
func TestSilence(t *testing.T) {
	t.Parallel()
	l := echo(t)
	c := dial(t, l)
	trip(t, c, 1)
	l.Silence(l.Numbers()[0])
	awaitState(t, l, 1)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) && !isTimeout(err) {
		t.Errorf("%d bytes, %v", n, err)
	}
	l.Reset(l.Numbers()[0])
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("after a reset: %v", err)
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// A link that is cut has no connections, until it is healed.
func TestCut(t *testing.T) {
	t.Parallel()
	l := echo(t)
	c := dial(t, l)
	trip(t, c, 1)
	l.Set(State{Cut: true})
	wasReset(t, c, nil)
	fresh, err := net.Dial("tcp", l.Addr())
	wasReset(t, fresh, err)
	l.Set(State{})
	trip(t, dial(t, l), 1)
}

// A connection whose client reads nothing, and one whose data is delayed for long, hold no change
// of another one up, and end with the link.
func TestCloseDoesNotWait(t *testing.T) {
	t.Parallel()
	l := echo(t)
	stalled, slow := dial(t, l), dial(t, l)
	trip(t, slow, 1)
	_ = stalled.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err := error(nil); err == nil; { // until all buffers are full
		_, err = stalled.Write(make([]byte, 1<<20))
	}
	l.Set(State{Delay: 55 * time.Second, Rate: 1000})
	if _, err := slow.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		l.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(40 * time.Second):
		t.Fatal("the link did not close")
	}
}

// A server that is not there is one that resets.
func TestNoServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	l, err := Start(ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr())
	wasReset(t, c, err)
}

// wasReset expects that a connection is reset, or was when it was made.
func wasReset(t *testing.T, c net.Conn, err error) {
	t.Helper()
	if err == nil {
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil || isTimeout(err) {
		t.Errorf("it was not reset: %v", err)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	cost, err := Measure()
	if err != nil || cost.Direct <= 0 || cost.Through <= 0 {
		t.Errorf("%+v, %v", cost, err)
	}
}

// awaitState waits until so many connections have followed the changes of the state.
func awaitState(t *testing.T, l *Link, pipes int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		ready := 0
		l.each(func(p *pipe) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.followed.Load() == p.version {
				ready++
			}
		})
		if ready == pipes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections have followed, want %d", ready, pipes)
		}
	}
}
