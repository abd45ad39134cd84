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
	mu     sync.Mutex
	got    []string
	calls  int   // of Deliver
	broken error // the first delivery whose joined bytes were not those of the frames

	once    sync.Once
	entered chan struct{} // not nil: Deliver closes it, and then
	release chan struct{} // waits for this
}

func (m *recorder) Deliver(frames []*frame.Frame, wire []byte) {
	if m.entered != nil {
		m.once.Do(func() { close(m.entered) })
		<-m.release
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	rest := wire
	for _, f := range frames {
		var ok bool
		if rest, ok = bytes.CutPrefix(rest, f.Wire()); !ok && m.broken == nil {
			m.broken = fmt.Errorf("delivery %d: %d frames and wire %q", m.calls, len(frames), wire)
		}
		m.got = append(m.got, read(f))
	}
	if len(rest) > 0 && m.broken == nil {
		m.broken = fmt.Errorf("delivery %d: wire goes on with %q", m.calls, rest)
	}
}

func (m *recorder) Queue(f *frame.Frame) { m.Deliver(f.Alone(), f.Wire()) }

func (m *recorder) texts(t *testing.T) []string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		t.Error(m.broken)
	}
	return append([]string(nil), m.got...)
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
}

// queued runs a test over the strategies that have shards.
func queued(t *testing.T, opts Options, test func(t *testing.T, hub *shardedHub)) {
	for _, name := range []string{"sharded", "batched"} {
		t.Run(name, func(t *testing.T) { test(t, open(t, name, opts).(*shardedHub)) })
	}
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
