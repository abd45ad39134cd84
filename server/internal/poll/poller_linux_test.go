package poll

import (
	"bytes"
	"errors"
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

// owner is a Handler that a test fills in.
type owner struct {
	Conn
	ready func(c *owner, buf []byte) bool
	left  chan struct{} // gets the calls of PeerLeft, as far as there is room
}

func (o *owner) Ready(buf []byte) bool { return o.ready(o, buf) }

func (o *owner) PeerLeft() {
	select {
	case o.left <- struct{}{}:
	default:
	}
}

func newPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// take connects a peer with a socket of p, which is not watched yet.
func take(t *testing.T, p *Poller, ready func(*owner, []byte) bool) (*owner, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	here, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := here.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	o := &owner{ready: ready}
	if err := p.Take(&o.Conn, raw, o); err != nil {
		t.Fatal(err)
	}
	if err := here.Close(); err != nil { // the connection must survive it
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o, peer.(*net.TCPConn)
}

func watch(t *testing.T, o *owner) {
	t.Helper()
	if err := o.Watch(false); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Errorf("%s did not happen", what)
	}
	return v
}

// An owner that is at work hears of the end of the stream, before it has read all that came.
func TestPeerLeavesWhileReadyRuns(t *testing.T) {
	p := newPoller(t)
	entered, release := make(chan struct{}, 10), make(chan struct{})
	o, peer := take(t, p, func(c *owner, buf []byte) bool {
		_, _ = c.Read(buf[:1])
		entered <- struct{}{}
		<-release
		return false
	})
	defer close(release)
	o.left = make(chan struct{}, 1)
	watch(t, o)
	write(t, peer, "some")
	within(t, "the call of Ready", entered)
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	within(t, "the call of PeerLeft", o.left)
}

func TestReadsWhatComesUntilTheEnd(t *testing.T) {
	p := newPoller(t)
	got, end := make(chan string, 10), make(chan error, 1)
	o, peer := take(t, p, func(c *owner, buf []byte) bool {
		for {
			switch n, err := c.Read(buf); {
			case err != nil:
				end <- err
				return false
			case n == 0:
				return false
			default:
				got <- string(buf[:n])
			}
		}
	})
	write(t, peer, "early") // before it is watched
	watch(t, o)
	if s := within(t, "the first read", got); s != "early" {
		t.Errorf("got %q", s)
	}
	write(t, peer, "later")
	if s := within(t, "the second read", got); s != "later" {
		t.Errorf("got %q", s)
	}
	if n, err := o.TryWrite([]byte("hello")); n != 5 || err != nil {
		t.Errorf("TryWrite: %d, %v", n, err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(peer, b); err != nil || string(b) != "hello" {
		t.Errorf("the peer got %q, %v", b, err)
	}
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the end", end); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

// Ready may block: neither other sockets nor readiness itself wait for it.
func TestABlockedOwnerHoldsNobodyUp(t *testing.T) {
	p := newPoller(t)
	const blocked = 40
	release := make(chan struct{})
	var inside sync.WaitGroup
	inside.Add(blocked)
	finished := make(chan struct{}, blocked)
	for range blocked {
		o, peer := take(t, p, func(c *owner, buf []byte) bool {
			_, _ = c.Read(buf)
			inside.Done()
			<-release
			finished <- struct{}{}
			return false
		})
		watch(t, o)
		write(t, peer, "x")
	}
	o, peer := take(t, p, func(c *owner, buf []byte) bool {
		_, _ = c.Read(buf)
		close(release)
		return false
	})
	all := make(chan struct{})
	go func() { inside.Wait(); close(all) }()
	within(t, "blocking all owners", all)
	watch(t, o)
	write(t, peer, "x")
	for range blocked {
		within(t, "the release", finished)
	}
}

// What comes while Ready runs makes it run again, and never twice at once.
func TestAnEventDuringReadyIsNotLost(t *testing.T) {
	p := newPoller(t)
	calls, goOn := make(chan struct{}, 10), make(chan struct{})
	var at atomic.Int32
	o, peer := take(t, p, func(c *owner, buf []byte) bool {
		if at.Add(1) != 1 {
			t.Error("Ready runs twice at once")
		}
		_, _ = c.Read(buf)
		calls <- struct{}{}
		<-goOn
		at.Add(-1)
		return false
	})
	watch(t, o)
	write(t, peer, "1")
	within(t, "the first call", calls)
	write(t, peer, "2")
	goOn <- struct{}{}
	within(t, "the second call", calls)
	goOn <- struct{}{}
}

func TestAgainCallsAgain(t *testing.T) {
	p := newPoller(t)
	calls := make(chan int, 3)
	n := 0
	o, _ := take(t, p, func(*owner, []byte) bool {
		n++
		calls <- n
		return n < 3
	})
	if err := o.Watch(true); err != nil { // at once, though nothing has come
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		if got := within(t, "a call", calls); got != want {
			t.Errorf("call %d, want %d", got, want)
		}
	}
}

func idle(*owner, []byte) bool { return false }

// fill writes until the kernel takes no more, and returns what it took.
func fill(t *testing.T, o *owner) []byte {
	t.Helper()
	var all []byte
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<10)
	for {
		n, err := o.TryWrite(chunk)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, chunk[:n]...)
		if n < len(chunk) {
			return all
		}
	}
}

func TestWriteAllWaitsForRoom(t *testing.T) {
	p := newPoller(t)
	o, peer := take(t, p, idle)
	watch(t, o)
	want := fill(t, o)
	rest := bytes.Repeat([]byte("rest"), 1<<20)
	done := make(chan error, 1)
	go func() { done <- o.WriteAll(rest) }()
	got := make([]byte, len(want)+len(rest))
	if _, err := io.ReadFull(peer, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, append(want, rest...)) {
		t.Error("the bytes are not those that were written")
	}
	if err := within(t, "the end of WriteAll", done); err != nil {
		t.Error(err)
	}
}

// A peer that takes a little is seen to do so, long before there is room for a write.
func TestProgress(t *testing.T) {
	p := newPoller(t)
	o, peer := take(t, p, idle)
	watch(t, o)
	if err := peer.SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	sent := len(fill(t, o))
	done := make(chan error, 1)
	go func() { done <- o.WriteAll(make([]byte, 64<<20)) }()
	before := o.Progress()
	for settled := false; !settled; { // what is on its way to the peer's buffer arrives
		time.Sleep(20 * time.Millisecond)
		now := o.Progress()
		settled, before = now == before, now
	}
	buf := make([]byte, 4<<10)
	for read := 0; o.Progress() == before; {
		n, err := peer.Read(buf)
		if read += n; err != nil || read > sent/4 {
			t.Fatalf("nothing is seen of %d bytes that the peer has read, of %d (%v)", read, sent, err)
		}
		time.Sleep(time.Millisecond)
	}
	o.Close()
	if within(t, "the end of WriteAll", done) == nil {
		t.Error("WriteAll says that all is written")
	}
	if got := o.Progress(); got != 0 {
		t.Errorf("a closed one has %d", got)
	}
}

func TestWriteAllEnds(t *testing.T) {
	for name, end := range map[string]func(o *owner, peer *net.TCPConn){
		"cut":   func(o *owner, _ *net.TCPConn) { o.Cut() },
		"close": func(o *owner, _ *net.TCPConn) { o.Close() },
		"reset": func(_ *owner, peer *net.TCPConn) { _ = peer.SetLinger(0); _ = peer.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPoller(t)
			o, peer := take(t, p, idle)
			watch(t, o)
			fill(t, o)
			done := make(chan error, 1)
			go func() { done <- o.WriteAll(make([]byte, 1<<20)) }()
			end(o, peer)
			if within(t, "the end of WriteAll", done) == nil {
				t.Error("WriteAll says that all is written")
			}
		})
	}
}

func TestCutIsHeardOf(t *testing.T) {
	p := newPoller(t)
	end := make(chan error, 8)
	o, _ := take(t, p, func(c *owner, buf []byte) bool {
		if _, err := c.Read(buf); err != nil {
			end <- err
		}
		return false
	})
	watch(t, o)
	o.Cut()
	if err := within(t, "the end", end); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

func TestAClosedConnDoesNothing(t *testing.T) {
	p := newPoller(t)
	o, _ := take(t, p, idle)
	watch(t, o)
	o.Close()
	o.Close()
	o.Cut()
	if _, err := o.Read(make([]byte, 1)); err == nil {
		t.Error("it can be read")
	}
	if _, err := o.TryWrite([]byte("x")); err == nil {
		t.Error("it can be written to")
	}
}

// Descriptors are reused at once. Whatever events are on their way, a socket gets its own bytes and
// nobody else's.
func TestChurn(t *testing.T) {
	p := newPoller(t)
	const workers, rounds = 8, 60
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				name := string(rune('a'+w)) + string(rune('A'+i%26))
				got := make(chan string, 8)
				o, peer := take(t, p, func(c *owner, buf []byte) bool {
					if n, err := c.Read(buf); n > 0 && err == nil {
						got <- string(buf[:n])
					}
					return false
				})
				watch(t, o)
				write(t, peer, name)
				if s := within(t, "a read", got); s != name {
					t.Errorf("got %q, want %q", s, name)
				}
				if i%2 == 0 {
					_ = peer.Close() // so that an event is on its way
				}
				o.Close()
			}
		})
	}
	all.Wait()
}

func TestTakeOfAClosedConn(t *testing.T) {
	p := newPoller(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var raw syscall.RawConn
	if raw, err = peer.(*net.TCPConn).SyscallConn(); err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	o := &owner{ready: idle}
	if p.Take(&o.Conn, raw, o) == nil {
		t.Error("a closed connection was taken")
	}
	o.Close()
}

func TestAClosedPollerWatchesNothing(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	o, _ := take(t, p, idle)
	p.Close()
	if o.Watch(false) == nil {
		t.Error("it is watched")
	}
	o.Close()
	p.Close()
}
