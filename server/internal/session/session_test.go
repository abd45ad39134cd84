package session

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is a Conn whose kernel takes what the test says.
type pipe struct {
	mu       sync.Mutex
	got      bytes.Buffer
	take     func(n int) int // of n bytes, how many TryWrite takes; nil: all
	blocked  chan struct{}   // Write waits for it to be closed, if it is not nil
	broken   error
	goodbyes int
	cut      int
	form     frame.Form
	progress atomic.Uint64
	unread   atomic.Bool
}

func (p *pipe) Unread() bool { return p.unread.Load() }

func (p *pipe) Progress() uint64 { return p.progress.Load() }

func (p *pipe) Form() frame.Form { return p.form }

func (p *pipe) TryWrite(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return 0, p.broken
	}
	n := len(b)
	if p.take != nil {
		n = p.take(n)
	}
	p.got.Write(b[:n])
	return n, nil
}

func (p *pipe) Write(frames []*frame.Frame, skip int) error {
	if p.blocked != nil {
		<-p.blocked
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range frames {
		p.got.Write(f.In(p.form)[skip:])
		skip = 0
	}
	return p.broken
}

func (p *pipe) Goodbye()   { p.mu.Lock(); p.goodbyes++; p.mu.Unlock() }
func (p *pipe) Interrupt() { p.mu.Lock(); p.cut++; p.mu.Unlock() }

func (p *pipe) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.got.Bytes())
}

// heard is a Handler that notes what it hears.
type heard struct {
	messages []string
	closed   chan Reason
	over     atomic.Bool
	fail     error
	during   func()
}

func (h *heard) Message(data []byte, _ bool) error {
	h.messages = append(h.messages, string(data))
	if h.during != nil {
		h.during()
	}
	return h.fail
}

func (h *heard) WantsOpened(three bool) bool { return three }

func (h *heard) Opened() { h.messages = append(h.messages, "opened") }

func (h *heard) Upgraded()       {}
func (h *heard) Over()           { h.over.Store(true) }
func (h *heard) Closed(r Reason) { h.closed <- r }

type options struct {
	keepWriter bool
	form       frame.Form
	packets    int
	bytes      int
}

func begin(t *testing.T, c Conn, o options) (*Session, *heard) {
	t.Helper()
	clock := deadline.New()
	go clock.Run()
	cfg := &Config{
		PingInterval: time.Hour, PingTimeout: time.Hour, Clock: clock, KeepWriter: o.keepWriter,
		MaxPackets: 1 << 20, MaxBytes: 1 << 30, WriteTimeout: time.Minute,
	}
	if o.packets > 0 {
		cfg.MaxPackets = o.packets
	}
	if o.bytes > 0 {
		cfg.MaxBytes = o.bytes
	}
	s, h := New(cfg, "sid", o.form), &heard{closed: make(chan Reason, 2)}
	s.Open(h, c, nil)
	t.Cleanup(func() {
		s.Close(ForcedClose)
		<-s.Done()
		s.WaitWriters()
		clock.Close()
		if len(h.closed) > 1 {
			t.Error("Closed was called twice")
		}
	})
	return s, h
}

func text(i int) *frame.Frame {
	b := fmt.Appendf(nil, "%d:%s", i, strings.Repeat("x", i%300))
	if i%7 == 0 {
		return new(frame.Builder).Frame(b, [][]byte{b, {1}}, false)
	}
	return frame.Packet(engineio.Packet{Type: engineio.Message, Binary: i%5 == 0, Data: b})
}

// Whatever the kernel takes at a time, the bytes on the wire are those of the frames, in order,
// whole.
func TestPartialWritesKeepTheStream(t *testing.T) {
	for _, c := range []struct {
		keep bool
		form frame.Form
	}{{false, 0}, {true, 0}, {false, frame.Revision3}, {true, frame.Revision3}, {false, frame.Base64}, {false, frame.Revision3 | frame.Base64}} {
		t.Run(fmt.Sprintf("keepWriter=%v,form=%d", c.keep, c.form), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p := &pipe{form: c.form, take: func(n int) int {
				if rng.IntN(3) == 0 {
					return n
				}
				return rng.IntN(n + 1)
			}}
			s, _ := begin(t, p, options{keepWriter: c.keep, form: c.form})
			var want bytes.Buffer
			for i := 0; i < 2000; {
				switch rng.IntN(3) {
				case 0:
					f := text(i)
					want.Write(f.In(c.form))
					s.Send(f)
					i++
				case 1:
					f := text(i)
					want.Write(f.In(c.form))
					s.Queue(f)
					i++
				default: // several at once, as a shard sends them
					var batch []*frame.Frame
					var wire []byte
					for range 1 + rng.IntN(8) {
						f := text(i)
						batch, wire = append(batch, f), append(wire, f.Wire()...)
						want.Write(f.In(c.form))
						i++
					}
					s.Deliver(outlet.Join(batch, wire))
				}
			}
			s.Shut(ForcedClose)
			<-s.Done()
			s.WaitWriters()
			if !bytes.Equal(p.bytes(), want.Bytes()) {
				t.Error("the stream is not that of the frames")
			}
		})
	}
}

func TestOutboxIsBounded(t *testing.T) {
	for name, o := range map[string]options{"packets": {packets: 5}, "bytes": {bytes: 500}} {
		t.Run(name, func(t *testing.T) {
			p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
			defer close(p.blocked)
			s, h := begin(t, p, o)
			for i := range 100 {
				s.Send(frame.Packet(engineio.Packet{Type: engineio.Message, Data: fmt.Appendf(nil, "%090d", i)}))
			}
			if got := <-h.closed; got != SlowConsumer {
				t.Errorf("closed with %q", got)
			}
			if p.cut != 1 || p.goodbyes != 0 {
				t.Errorf("a connection in the middle of a message was cut %d times and greeted %d times", p.cut, p.goodbyes)
			}
		})
	}
}

// What waits at the end of a session is written before the goodbye: a client that says something
// and closes is answered as it should be.
func TestGoodbyeBeforeWhatWaits(t *testing.T) {
	for _, kept := range []bool{false, true} {
		p := &pipe{}
		s, h := begin(t, p, options{keepWriter: kept})
		s.mu.Lock()
		s.enqueue(text(1).Alone())
		s.end(TransportClose)
		s.mu.Unlock()
		<-h.closed
		s.WaitWriters()
		if p.goodbyes != 1 || p.cut != 0 || !bytes.Equal(p.bytes(), text(1).Wire()) {
			t.Errorf("kept writer %v: greeted %d times, cut %d times, after %q", kept, p.goodbyes, p.cut, p.bytes())
		}
	}
}

func TestOneMessageAboveTheLimitIsSent(t *testing.T) {
	p := &pipe{take: func(int) int { return 0 }}
	s, _ := begin(t, p, options{bytes: 10})
	f := frame.Packet(engineio.Packet{Type: engineio.Message, Data: bytes.Repeat([]byte("x"), 1000)})
	s.Send(f)
	s.Shut(ForcedClose)
	<-s.Done()
	s.WaitWriters()
	if !bytes.Equal(p.bytes(), f.Wire()) {
		t.Error("it did not arrive")
	}
}

func TestVolatileIsDroppedWhenSomethingWaits(t *testing.T) {
	p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
	s, _ := begin(t, p, options{})
	first := text(1)
	s.Send(first)
	s.Send(new(frame.Builder).Frame([]byte(`2["v"]`), nil, true))
	last := text(2)
	s.Send(last)
	close(p.blocked)
	s.Shut(ForcedClose)
	<-s.Done()
	s.WaitWriters()
	if got, want := p.bytes(), append(bytes.Clone(first.Wire()), last.Wire()...); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVolatileOverPolling(t *testing.T) {
	s, _ := begin(t, nil, options{})
	v := new(frame.Builder).Frame([]byte(`2["v"]`), nil, true)
	s.Send(v) // nobody polls
	var p answers
	if got, err := s.StartPoll(&p); got != nil || err != nil {
		t.Fatalf("polled %v, %v", got, err)
	}
	s.Send(v)
	s.Send(v) // nobody polls any more
	if len(p.got) != 1 || len(p.got[0]) != 1 || p.got[0][0] != v {
		t.Errorf("answered %v", p.got)
	}
	if got, err := s.StartPoll(&p); got != nil || err != nil {
		t.Fatalf("then polled %v, %v", got, err)
	}
}

// The refusal of a post comes before the end of its session is told by the held poll, since a
// client that reads that first takes the refusal for an ordinary end.
func TestRefuse(t *testing.T) {
	for _, stays := range []bool{false, true} {
		t.Run(fmt.Sprintf("the client stays: %v", stays), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := begin(t, nil, options{})
				p := &answers{}
				if _, err := s.StartPoll(p); err != nil {
					t.Fatal(err)
				}
				s.Refuse()
				err := s.Receive(engineio.Packet{Type: engineio.Message, Data: []byte("x")})
				if err != nil || len(h.messages) != 0 || len(p.got) != 0 || s.IsOpen() {
					t.Errorf("refused, it takes %q, and answers the poll with %v; %v", h.messages, p.got, err)
				}
				want := 1
				if !stays {
					want = 0
					s.LeavePoll(p)
				}
				if reason := <-h.closed; reason != TransportError || len(p.got) != want {
					t.Errorf("it ended with %q, and %d answers to the poll", reason, len(p.got))
				}
			})
		})
	}
	s, h := begin(t, nil, options{})
	s.Refuse()
	if reason := <-h.closed; reason != TransportError {
		t.Errorf("without a poll it ended with %q", reason)
	}
}

// answers is a Poll that keeps what it gets.
type answers struct {
	got  [][]*frame.Frame
	err  error
	gone bool // the client has left
}

func (a *answers) Answer(frames []*frame.Frame, err error) bool {
	a.got, a.err = append(a.got, slices.Clone(frames)), err
	return !a.gone
}

func TestPollOfAClientThatHasLeft(t *testing.T) {
	t.Run("seen by who watches it", func(t *testing.T) {
		s, h := begin(t, nil, options{})
		p := &answers{}
		if _, err := s.StartPoll(p); err != nil {
			t.Fatal(err)
		}
		if !s.LeavePoll(p) {
			t.Error("the poll was not held")
		}
		if got := <-h.closed; got != TransportError || len(p.got) > 0 {
			t.Errorf("closed with %q, answered %v", got, p.got)
		}
	})
	t.Run("seen by who answers it", func(t *testing.T) {
		s, h := begin(t, nil, options{})
		p := &answers{gone: true}
		if _, err := s.StartPoll(p); err != nil {
			t.Fatal(err)
		}
		s.Send(text(1))
		if s.LeavePoll(p) {
			t.Error("the poll was still held")
		}
		if got := <-h.closed; got != TransportError {
			t.Errorf("closed with %q", got)
		}
	})
}

func TestBrokenConnectionEndsTheSession(t *testing.T) {
	p := &pipe{broken: errors.New("reset")}
	s, h := begin(t, p, options{})
	s.Send(text(1))
	if got := <-h.closed; got != TransportError {
		t.Errorf("closed with %q", got)
	}
	if err := s.Receive(engineio.Packet{Type: engineio.Message}); !errors.Is(err, ErrClosed) {
		t.Errorf("received after the end: %v", err)
	}
}

// What is queued while polling goes out on the websocket after the upgrade, in order, and before
// what is sent later.
func TestUpgradeMovesTheQueue(t *testing.T) {
	s, _ := begin(t, nil, options{})
	p := &pipe{take: func(n int) int { return n / 2 }}
	var want bytes.Buffer
	send := func(i int) {
		f := text(i)
		want.Write(f.Wire())
		s.Send(f)
	}
	send(1)
	if !s.Probe(p) || s.Probe(&pipe{}) {
		t.Fatal("one probe at a time")
	}
	send(2)
	if !s.Upgraded(p) || s.Transport() != "websocket" {
		t.Fatal("not upgraded")
	}
	for i := range 50 {
		send(i)
	}
	if s.Probe(&pipe{}) {
		t.Error("a probe of an upgraded session was accepted")
	}
	s.Shut(ForcedClose)
	<-s.Done()
	s.WaitWriters()
	if !bytes.Equal(p.bytes(), want.Bytes()) {
		t.Error("the stream is not that of the frames")
	}
	if p.goodbyes != 1 || p.cut != 0 {
		t.Errorf("greeted %d times, cut %d times", p.goodbyes, p.cut)
	}
}

// What becomes of polls and posts after an upgrade is nothing to the session.
func TestPollingBreaksAfterAnUpgrade(t *testing.T) {
	s, h := begin(t, nil, options{})
	if frames, err := s.StartPoll(&answers{gone: true}); frames != nil || err != nil {
		t.Fatalf("polled %v, %v", frames, err)
	}
	if err := s.StartPost(); err != nil {
		t.Fatal(err)
	}
	s.UpgradeBegins()
	c := &pipe{}
	if !s.Probe(c) || !s.Upgraded(c) {
		t.Fatal("not upgraded")
	}
	s.PollingBroke()
	s.Refuse()
	if err := s.StartPost(); !errors.Is(err, ErrUpgraded) {
		t.Errorf("a late post: %v", err)
	}
	s.Send(text(1))
	if !s.IsOpen() || !bytes.Equal(c.bytes(), text(1).Wire()) {
		t.Errorf("the session has ended with %q", <-h.closed)
	}
}

// The client of an upgrade waits for its held poll to be answered, whatever became of the upgrade
// before: official clients may have tried WebTransport a moment ago.
func TestPollsAreReleasedForEachUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := begin(t, nil, options{})
		lost, c, p := &pipe{}, &pipe{}, &answers{}
		s.UpgradeBegins()
		if !s.Probe(lost) {
			t.Fatal("the first upgrade has not begun")
		}
		s.Probed(lost)
		s.ProbeLost(lost)
		s.UpgradeBegins()
		if !s.Probe(c) {
			t.Fatal("the second upgrade has not begun")
		}
		if frames, err := s.StartPoll(p); frames != nil || err != nil {
			t.Fatalf("polled %v, %v", frames, err)
		}
		s.Probed(c)
		<-time.After(2 * releaseLast) // of a false clock
		synctest.Wait()
		if len(p.got) != 1 || !slices.Equal(p.got[0], noopFrame.Alone()) {
			t.Errorf("the held poll was answered by %v, want a noop", p.got)
		}
		if !s.Upgraded(c) || s.Transport() != WebSocket {
			t.Error("the upgrade has failed")
		}
	})
}

// Closed comes after the last Message has returned, whoever closes. Over does not wait for it.
func TestClosedWaitsForTheHandler(t *testing.T) {
	s, h := begin(t, &pipe{}, options{})
	h.during = func() {
		s.Close(ForcedClose)
		for !h.over.Load() {
			runtime.Gosched()
		}
		select {
		case <-h.closed:
			t.Error("Closed was called while the handler was at work")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := s.Receive(engineio.Packet{Type: engineio.Message, Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if got := <-h.closed; got != ForcedClose {
		t.Errorf("closed with %q", got)
	}
}

func TestHeartbeat(t *testing.T) {
	p := &pipe{}
	s, h := begin(t, p, options{})
	for i := range 3 {
		s.cfg.Clock.Advance(s.cfg.PingInterval)
		if got := bytes.Count(p.bytes(), []byte("2")); got != i+1 {
			t.Fatalf("%d pings after %d intervals", got, i+1)
		}
		s.cfg.Clock.Advance(s.cfg.PingTimeout - time.Minute) // it takes its time
		if err := s.Receive(engineio.Packet{Type: engineio.Pong}); err != nil {
			t.Fatal(err)
		}
	}
	s.cfg.Clock.Advance(s.cfg.PingInterval)
	if s.Ended() {
		t.Fatal("ended before the timeout")
	}
	s.cfg.Clock.Advance(s.cfg.PingTimeout)
	if got := <-h.closed; got != PingTimeout {
		t.Errorf("closed with %q", got)
	}
}

func TestSecondRequestOfAKindEndsTheSession(t *testing.T) {
	for name, twice := range map[string]func(*Session) error{
		"poll": func(s *Session) error { _, err := s.StartPoll(&answers{}); return err },
		"post": (*Session).StartPost,
	} {
		t.Run(name, func(t *testing.T) {
			s, h := begin(t, nil, options{})
			if err := twice(s); err != nil {
				t.Fatal(err)
			}
			if err := twice(s); !errors.Is(err, ErrBusy) {
				t.Errorf("the second gave %v", err)
			}
			if got := <-h.closed; got != TransportError {
				t.Errorf("closed with %q", got)
			}
		})
	}
}

// What the connection takes goes out at once: on the caller's goroutine, or, with a kept writer, as
// soon as that runs. The clock is a false one.
func TestNothingIsHeldBack(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("keepWriter=", keep), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipe{}
				s, _ := begin(t, p, options{keepWriter: keep})
				start, want := time.Now(), []byte(nil)
				for i := range 50 {
					s.Send(text(i))
					want = append(want, text(i).Wire()...)
					if keep {
						synctest.Wait()
					}
					if !bytes.Equal(p.bytes(), want) {
						t.Fatalf("message %d is held back", i)
					}
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A connection that breaks when a part of a batch is written ends its session, whichever way the
// rest is written.
func TestResetInTheMiddleOfABatch(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("keepWriter=", keep), func(t *testing.T) {
			p := &pipe{take: func(n int) int { return n / 2 }, blocked: make(chan struct{})}
			s, h := begin(t, p, options{keepWriter: keep})
			var batch []*frame.Frame
			var wire []byte
			for i := range 5 {
				batch = append(batch, text(i))
				wire = append(wire, text(i).Wire()...)
			}
			s.Deliver(outlet.Join(batch, wire))
			s.Deliver(outlet.Join(batch, wire)) // waits behind it
			p.mu.Lock()
			p.broken = errors.New("reset")
			p.mu.Unlock()
			close(p.blocked)
			if got := <-h.closed; got != TransportError {
				t.Errorf("closed with %q", got)
			}
			s.WaitWriters()
			before := len(p.bytes())
			s.Deliver(outlet.Join(batch, wire))
			if after := len(p.bytes()); after != before {
				t.Errorf("%d bytes were written after the end", after-before)
			}
		})
	}
}

// A session that ends while a write is under way writes what is queued and says goodbye behind it,
// or is cut off when that takes too long.
func TestCloseDuringAWrite(t *testing.T) {
	for name, c := range map[string]struct {
		reason        Reason
		fails, stalls bool
		goodbyes, cut int
	}{
		"the write ends":   {reason: ForcedClose, goodbyes: 1},
		"the write fails":  {reason: ForcedClose, fails: true, cut: 1},
		"the write stalls": {reason: TransportError, stalls: true, cut: 1},
		"slow consumer":    {reason: SlowConsumer, cut: 1},
		"ping timeout":     {reason: PingTimeout, cut: 1},
		"abort":            {reason: ServerShutdown, cut: 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pipe{take: func(int) int { return 0 }, blocked: make(chan struct{})}
			s, h := begin(t, p, options{})
			release := sync.OnceFunc(func() { close(p.blocked) })
			t.Cleanup(release)
			s.Send(text(1))
			for writing := false; !writing; runtime.Gosched() {
				s.mu.Lock()
				writing = s.writing
				s.mu.Unlock()
			}
			s.Send(text(2)) // is queued
			if c.fails {
				p.mu.Lock()
				p.broken = errors.New("broken")
				p.mu.Unlock()
			}
			s.Close(c.reason)
			if got := <-h.closed; got != c.reason {
				t.Errorf("closed with %q", got)
			}
			if c.stalls {
				s.cfg.Clock.Advance(lingerTime)
				for cut := false; !cut; runtime.Gosched() {
					p.mu.Lock()
					cut = p.cut > 0
					p.mu.Unlock()
				}
			}
			release()
			s.WaitWriters()
			if p.goodbyes != c.goodbyes || (p.cut > 0) != (c.cut > 0) {
				t.Errorf("%d goodbyes, cut %d times; want %d and %d", p.goodbyes, p.cut, c.goodbyes, c.cut)
			}
			if all := slices.Concat(text(1).Wire(), text(2).Wire()); bytes.Equal(p.bytes(), all) != (c.goodbyes > 0) {
				t.Errorf("%d bytes were written of %d", len(p.bytes()), len(all))
			}
		})
	}
}

// Connections that no outlet writes to get a message without a frame as well, and make one of it
// only if it has to wait.
func TestWriteWithoutAFrame(t *testing.T) {
	p := &pipe{}
	s, h := begin(t, p, options{})
	wire, out := text(1).Wire(), s.Outlet()
	if !out.Write(wire, 1) || !bytes.Equal(p.got.Bytes(), wire) {
		t.Fatalf("%q was written, want %q", p.got.Bytes(), wire)
	}
	p.blocked, p.take = make(chan struct{}), func(int) int { return 3 }
	wire = text(2).Wire()
	sent := slices.Clone(wire)
	if !out.Write(sent, 1) {
		t.Fatal("a message that is taken in part is not sent")
	}
	clear(sent) // the caller's again
	if out.Write(wire, 1) {
		t.Fatal("a message has overtaken one that waits")
	}
	s.Send(text(3))
	close(p.blocked)
	s.WaitWriters()
	want := slices.Concat(text(1).Wire(), text(2).Wire(), text(3).Wire())
	if !bytes.Equal(p.got.Bytes(), want) {
		t.Errorf("%q was written, want %q", p.got.Bytes(), want)
	}
	if c, _ := s.Counts(); c.PacketsOut != 3 || c.BytesOut != uint64(len(want)) {
		t.Errorf("%d packets and %d bytes are counted, want 3 and %d", c.PacketsOut, c.BytesOut, len(want))
	}
	p.mu.Lock()
	p.broken = errors.New("gone")
	p.mu.Unlock()
	if !out.Write(wire, 1) {
		t.Error("a message to a broken connection is to be sent again")
	}
	if why := <-h.closed; why != TransportError {
		t.Errorf("the session ended by %q", why)
	}
	if out.Write(wire, 1) {
		t.Error("a message went to a session that has ended")
	}
}
