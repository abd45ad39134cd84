package scenario

import (
	"fmt"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// What one delivery costs from the client's handler on: finding the stamp, the ledger, the
// histogram, the receiver curve.
func BenchmarkReceive(b *testing.B) {
	for _, receivers := range []int{10, 1000} {
		b.Run(fmt.Sprintf("receivers=%d", receivers), func(b *testing.B) {
			t, viewers := newBenchTrial(b, receivers)
			s := t.streams[0]
			name := []byte(s.spec.Event)
			speaker := newActor(t, t.groups[1], 0, 0)
			speaker.hold()
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%receivers == 0 {
					b.StopTimer()
					s.op = plan.Op{N: uint64(n), Due: int64(n), Phase: 0}
					_, seq := t.ledger.Emit(s.book, speaker.Receiver, t.groups[1].namespace, s.op.Due, 0)
					args = s.payload(speaker, seq)
					b.StartTimer()
				}
				viewers[n%receivers].Event(&client.Message{Name: name, Args: args, At: t.life.epoch + 1000})
				n++
			}
		})
	}
}

var args []byte

// payload is the data of a message as receivers get it.
func (s *stream) payload(a *actor, seq uint32) []byte {
	packet := s.build(a, &s.op, 0, 0, seq)
	return packet[len(s.group.head)+len(s.open)+len(s.middle)-len(stamp.Head) : len(packet)-len(`,true]`)]
}

func newBenchTrial(tb testing.TB, receivers int) (*trial, []*actor) {
	tb.Helper()
	t := newIdleTrial(tb, fmt.Sprintf(`
version: 1
name: bench
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: %d}
  speaker: {count: 1, send: [{op: all, rate: 100/s, size: 256B, expect: others}]}
phases: [{name: hold, for: 10s}]
`, receivers))
	var viewers []*actor
	for i := range receivers {
		a := newActor(t, t.groups[0], i, i)
		a.hold()
		viewers = append(viewers, a)
	}
	return t, viewers
}

// newIdleTrial is a trial of which nothing runs.
func newIdleTrial(tb testing.TB, text string) *trial {
	tb.Helper()
	f, err := file.Parse("idle.yaml", []byte(text), nil)
	if err != nil {
		tb.Fatal(err)
	}
	t := newTrial(&f.Cells()[0], &Endpoint{}, nil, Options{}, place{n: 1})
	t.life.epoch = client.Now()
	return t
}

func TestReceivingCostsNoAllocation(t *testing.T) {
	tr, viewers := newBenchTrial(t, 1000)
	s := tr.streams[0]
	speaker := newActor(tr, tr.groups[1], 0, 0)
	speaker.hold()
	var messages []client.Message
	for i := range 3 {
		s.op = plan.Op{N: uint64(i), Due: int64(i)}
		_, seq := tr.ledger.Emit(s.book, speaker.Receiver, tr.groups[1].namespace, s.op.Due, 0)
		messages = append(messages, client.Message{Name: []byte(s.spec.Event), Args: append([]byte(nil), s.payload(speaker, seq)...), At: tr.life.epoch + 1000})
	}
	for i := range viewers { // every cell that will be hit has its page
		viewers[i].Event(&messages[0])
		viewers[i].Event(&messages[1])
	}
	i := 0
	if n := testing.AllocsPerRun(len(viewers)-1, func() {
		viewers[i].Event(&messages[2])
		i++
	}); n != 0 {
		t.Errorf("%v allocations for a delivery", n)
	}
	e := newCollector(tr).evidence(tr.ledger.Close(int64(1e12)))
	if sum := e.Account(nil, "hold"); sum.Received != 3000 || sum.Sent != 3 {
		t.Errorf("%+v", sum)
	}
}

// What one operation costs the pacer, besides the write: entering it in the ledger
// of a room of a thousand, and building the packet.
func BenchmarkEmit(b *testing.B) {
	t, _ := newBenchTrial(b, 1000)
	speaker := newActor(t, t.groups[1], 0, 0)
	speaker.hold()
	speaker.state.Store(int32(held))
	speaker.conn = deaf{}
	t.groups[1].actors[0].Store(speaker)
	t.groups[1].present = 1
	t.groups[1].held.Store(1)
	s := t.streams[0]
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		s.op = plan.Op{N: uint64(n), Due: n * 100_000}
		s.fire(n * 100_000)
		if n++; n%4096 == 0 {
			t.ledger.Watch(n * 100_000)
		}
	}
}

// A deaf conn discards every message.
type deaf struct{ conn }

func (deaf) Send([]byte) error { return nil }

func (deaf) Busy() bool   { return false }
func (deaf) Unread() bool { return false }
