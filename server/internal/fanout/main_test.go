package fanout

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// text makes a frame that a test can tell from the others.
func text(format string, args ...any) *frame.Frame {
	return frame.Packet(engineio.Packet{Type: engineio.Message, Data: fmt.Appendf(nil, format, args...)})
}

// read is the reverse of text.
func read(f *frame.Frame) string { return string(f.Payload()[1:]) }

// recorder is a member that keeps what it gets.
type recorder struct {
	framesOnly
	mu     sync.Mutex
	got    []string
	calls  int   // of Deliver
	broken error // the first delivery whose joined bytes were not those of the frames

	once    sync.Once
	entered chan struct{} // not nil: Deliver closes it, and then
	release chan struct{} // waits for this

	wire *wire // what it gets goes through a socket; nil: it is given to Deliver
}

// framesOnly is of owners of outlets that get all messages as frames.
type framesOnly struct{}

func (framesOnly) Write([]byte, int) bool { return false }

func (m *recorder) Outlet() *outlet.Outlet {
	out := outlet.New(m)
	if m.wire != nil {
		m.wire.attach(out)
	}
	return out
}

func (m *recorder) Deliver(b outlet.Batch, written int) {
	if m.entered != nil {
		m.once.Do(func() { close(m.entered) })
		<-m.release
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.wire != nil {
		m.wire.write(b.Wire[written:])
		return
	}
	rest := b.Wire
	for _, f := range b.Frames {
		var ok bool
		if rest, ok = bytes.CutPrefix(rest, f.Wire()); !ok && m.broken == nil {
			m.broken = fmt.Errorf("delivery %d: %d frames and wire %q", m.calls, len(b.Frames), b.Wire)
		}
		m.got = append(m.got, read(f))
	}
	if int(b.Packets) != len(b.Frames) && m.broken == nil {
		m.broken = fmt.Errorf("delivery %d: %d packets in %d frames", m.calls, b.Packets, len(b.Frames))
	}
	if len(rest) > 0 && m.broken == nil {
		m.broken = fmt.Errorf("delivery %d: wire goes on with %q", m.calls, rest)
	}
}

func (m *recorder) Queue(f *frame.Frame) { m.Deliver(outlet.Alone(f), 0) }

// texts returns what m got; with a wire it is called once, after the last message.
func (m *recorder) texts(t interface {
	Helper()
	Error(...any)
},
) []string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wire != nil {
		m.got, m.broken = m.wire.close()
	}
	if m.broken != nil {
		t.Error(m.broken)
	}
	return append([]string(nil), m.got...)
}

// ringsFor returns rings for all messages, which the test's end closes; nil on a system without.
func ringsFor(t interface{ Cleanup(func()) }) *outlet.Rings {
	s := outlet.NewRings(nil)
	if s != nil {
		s.Fewest = 1
	}
	t.Cleanup(s.Close)
	return s
}

// open returns a hub that the test's end closes.
func open(tb testing.TB, strategy string, opts Options) Hub {
	tb.Helper()
	hub, err := New(strategy, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(hub.Close)
	return hub
}

// everywhere runs a test over all strategies.
func everywhere(t *testing.T, opts Options, test func(t *testing.T, hub Hub)) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) { test(t, open(t, name, opts)) })
	}
	t.Run("batched by rings", func(t *testing.T) {
		opts.Rings = ringsFor(t)
		test(t, open(t, "batched", opts))
	})
}

// queued runs a test over the strategies that have shards.
func queued(t *testing.T, opts Options, test func(t *testing.T, hub *shardedHub)) {
	for _, name := range []string{"sharded", "batched"} {
		t.Run(name, func(t *testing.T) { test(t, open(t, name, opts).(*shardedHub)) })
	}
	t.Run("batched by rings", func(t *testing.T) {
		opts.Rings = ringsFor(t)
		test(t, open(t, "batched", opts).(*shardedHub))
	})
}

func rooms(names ...string) Audience {
	var to Audience
	for _, name := range names {
		to.Rooms = to.Rooms.With(name)
	}
	return to
}

// yield lets other goroutines run in a loop that waits for a state of theirs.
func yield() { runtime.Gosched() }
