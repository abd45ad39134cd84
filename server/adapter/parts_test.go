package adapter

import (
	"context"
	"net"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// emptyLog is the log of a broker that does not answer.
type emptyLog struct{ at logPosition }

func (l *emptyLog) entry(*wire.Message) (bus.Item, string)         { return bus.Item{}, "" }
func (l *emptyLog) position() *logPosition                         { return &l.at }
func (l *emptyLog) has(context.Context, wire.Offset) (bool, error) { return false, nil }
func (l *emptyLog) read(context.Context, wire.Offset, wire.Offset, func(wire.Offset, *wire.Message) bool) error {
	return nil
}

// delivered counts the broadcasts to the sockets of this server.
type delivered struct {
	server.Adapter
	n int
}

func (d *delivered) Broadcast(server.Target, server.Message) error {
	d.n++
	return nil
}

// While the broker is away, what has been delivered and waits for no entry of the log is not kept,
// and neither are changes of rooms: an outage may last for days.
func TestOutageKeepsNothing(t *testing.T) {
	local := &delivered{}
	n := &node{Adapter: local, cluster: &Cluster{opts: Options{RequestTimeout: time.Hour}}}
	r := &recoveryAdapter{node: n, log: &emptyLog{}}
	r.queue(&pendingEvent{data: "the entry that does not come"})
	r.addMove(roomMove{id: "before"})
	r.sent[0].since = time.Now().Add(-2 * time.Hour)
	r.timer.Stop()
	r.late()
	defer r.timer.Stop()
	if !r.away || local.n != 1 {
		t.Fatalf("away %v, %d deliveries", r.away, local.n)
	}
	const more = 1000
	for range more {
		r.queue(&pendingEvent{ready: true}) // such as one for which the queue to the broker has no room
		r.Moving("socket", "room", func() []string { return nil })
	}
	if local.n != 1+more {
		t.Errorf("%d of %d events are delivered", local.n, 1+more)
	}
	if len(r.sent) != 1 || len(r.moves) != 0 {
		t.Errorf("%d events and %d changes of rooms are kept; one event waits for its entry", len(r.sent), len(r.moves))
	}
}

// A NATS server in this process that cannot start leaves no folder behind.
func TestEmbeddedNATSThatCannotListen(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if _, err := startNATS(&url.URL{Scheme: "nats", Host: taken.Addr().String()}, true, time.Millisecond); err == nil {
		t.Fatal("two servers listen on one port")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// The sockets of an answer are divided by their bytes; there is always one part.
func TestParts(t *testing.T) {
	of := func(sizes ...int) (list []wire.Socket) {
		for _, n := range sizes {
			list = append(list, wire.Socket{Data: make([]byte, n)})
		}
		return list
	}
	for _, tt := range []struct {
		list    []wire.Socket
		largest int
		want    []int
	}{
		{nil, 1000, []int{0}},
		{of(1, 1, 1), 0, []int{3}},
		{of(1, 1, 1), 1000, []int{3}},
		{of(400, 400, 400), 1000, []int{2, 1}},
		{of(5000, 1, 5000, 5000), 1000, []int{1, 1, 1, 1}},
		{of(1, 5000), 1000, []int{1, 1}},
	} {
		var got []int
		last := false
		for part, more := range parts(tt.list, tt.largest) {
			got, last = append(got, len(part)), !more
		}
		if !slices.Equal(got, tt.want) || !last {
			t.Errorf("%d sockets in parts of %d bytes: %v, %v; want %v", len(tt.list), tt.largest, got, last, tt.want)
		}
	}
}
