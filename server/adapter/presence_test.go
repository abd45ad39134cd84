package adapter

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// A node on NATS is forgotten when nothing has come from it for ten seconds in which something
// could have come.
func TestPresence(t *testing.T) {
	const looks = 5 * time.Second
	for name, x := range map[string]struct {
		still, back, cut, again time.Duration // from when to when this node stands still, or has no connection
		forgotten               time.Duration // at which of its looks
	}{
		"silent":                  {forgotten: 3 * looks},
		"this node stood still":   {still: looks, back: 12 * looks, forgotten: 15 * looks},
		"there was no connection": {cut: looks / 2, again: 12 * looks, forgotten: 14 * looks},
	} {
		begin, now := time.Now(), time.Duration(0)
		p := newPresence(func() error {
			if now >= x.cut && now < x.again {
				return errors.New("no connection")
			}
			return nil
		}, nil)
		p.seen["other"], p.looked = begin, begin
		for ; now < 100*looks; now += looks {
			if now > x.still && now < x.back {
				continue
			}
			if p.present(begin.Add(now)) == 0 {
				break
			}
		}
		if now != x.forgotten {
			t.Errorf("%s: forgotten after %v, want %v", name, now, x.forgotten)
		}
	}
	p := newPresence(func() error { return errors.New("no connection") }, nil)
	if others, err := p.count(t.Context()); others != 0 || err == nil {
		t.Errorf("without a connection there are %d others, %v", others, err)
	}
}

// A node that has said that it leaves is not there again because of an answer that was under way: a
// question to all would wait for it. It is forgotten like any other.
func TestPresenceOfOneThatLeaves(t *testing.T) {
	p := newPresence(func() error { return nil }, nil)
	p.link = &roomLink{node: &node{id: "own"}}
	for _, kind := range []wire.Kind{wire.Heartbeat, wire.AdapterClose, wire.Sockets, wire.Heartbeat} {
		p.heard(&wire.Message{Kind: kind, From: "other"})
	}
	p.heard(&wire.Message{Kind: wire.Heartbeat, From: "third"})
	if n := p.present(time.Now()); n != 1 {
		t.Errorf("%d others are there, want the third alone", n)
	}
	for step := range 4 {
		p.present(time.Now().Add(time.Duration(step) * heartbeatInterval))
	}
	if len(p.left) > 0 {
		t.Errorf("%v is kept", p.left)
	}
}

// published is a broker that shows what is published.
type published chan bus.Item

func (p published) Publish(i bus.Item) bool {
	p <- i
	return true
}

func (published) Subscribe(string, bool, func(string, string)) {}
func (published) Unsubscribe(string, bool)                     {}

// A node whose connection was made anew announces itself at once: others may have forgotten it, and
// would not ask it.
func TestPresenceAfterReconnect(t *testing.T) {
	broker := make(published, 10)
	var asked atomic.Int32
	connections := []chan struct{}{make(chan struct{}), make(chan struct{})}
	p := newPresence(func() error { return nil }, func() <-chan struct{} { return connections[asked.Add(1)-1] })
	p.link = &roomLink{node: &node{id: "own", ns: new(server.Namespace)}, bus: broker}
	next := func(want wire.Kind) {
		t.Helper()
		select {
		case i := <-broker:
			var m wire.Message
			if err := p.link.wire.Message(i.Payload, &m); err != nil || m.Kind != want {
				t.Errorf("%v, kind %v, want %v", err, m.Kind, want)
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing is published")
		}
	}
	p.start()
	next(wire.InitialHeartbeat)
	close(connections[0])
	next(wire.InitialHeartbeat)
	p.leave()
	next(wire.AdapterClose)
}
