package fanout

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Member is a receiver as a hub sees it: a session with its bounded outbox.
type Member interface {
	// Outlet is what messages are sent through. It stays the same. Its owner may neither block nor
	// call the hub, not even to remove the member when its outbox is full: the goroutine that owns
	// the connection does that, woken by the closing of the outbox.
	Outlet() *outlet.Outlet
	// Queue puts a frame on the outbox and wakes the member's own writer goroutine. Only the
	// strategy "writers" calls it. It may neither block nor call the hub.
	Queue(f *frame.Frame)
}

// Message is what a broadcast sends.
type Message struct {
	// Frame is what every strategy but naive gives to the receivers. It must be set.
	Frame *frame.Frame
	// Encode makes the same frame anew. The strategy naive calls it once for each receiver; nil
	// means Frame.
	Encode func() *frame.Frame
}

// Hub knows the members of one namespace and their rooms and delivers messages to them. All methods
// are safe for concurrent use.
//
// A member gets the messages of one caller in the order of the calls, direct emits and broadcasts
// alike. The receivers are the members at the time of the call. Between concurrent callers there is
// no order, and nothing is lost or sent twice. After Close nothing changes and nothing is sent; a
// handle that Add returns then is of no effect.
//
// A caller that sends faster than the shards deliver waits in every method but Remove and the
// queries; see the package documentation.
//
//nolint:interfacebloat // one namespace needs all of it, and a strategy is the whole: half of it could not keep the order
type Hub interface {
	// Add makes m a member. first, which may be nil, is the first frame that it gets from this hub.
	// Every Broadcast called after Add has returned reaches it. The member's id is a room of its
	// own.
	Add(id string, m Member, first *frame.Frame) *Handle
	// Remove takes the member out of the hub and its rooms. last, which may be nil, is delivered
	// behind all that was sent before; nothing follows it.
	Remove(h *Handle, last *frame.Frame)
	// Join puts the member into a room, and reports whether it was not there before.
	Join(h *Handle, room string) bool
	// Leave takes the member out of a room, and reports whether it was there.
	Leave(h *Handle, room string) bool
	// Emit sends f to one member.
	Emit(h *Handle, f *frame.Frame)
	// Broadcast sends m to each member of an audience once.
	Broadcast(to Audience, m Message)
	// Each calls fn for the members of an audience, on the caller's goroutine and with no lock
	// held. It sees all that the caller has joined and left before. It waits for the shards to come
	// to it, so it must not be called from a Member.
	Each(to Audience, fn func(h *Handle))
	// Rooms lists the rooms of a member in no order, its own id not among them.
	Rooms(h *Handle) []string
	// Sizes calls fn for each room with the number of its members, in no order. fn must not call
	// the hub.
	Sizes(fn func(room string, members int))
	// Size counts the members of a room.
	Size(room string) int
	// Len counts the members.
	Len() int
	// Lookup returns the member with an id, nil if there is none.
	Lookup(id string) *Handle
	// Settle returns when everything that was sent before has been given to a member, or, if of is
	// nil, to all. It must not be called from a Member.
	Settle(of *Handle)
	// Close delivers the queues and ends the hub's goroutines. It returns when they have ended.
	Close()
}

// Options sets up a hub. Zero fields have the default that stands behind them; negative ones are an
// error.
type Options struct {
	// Shards is the number of shards: of the strategy sharded all there are, of batched the shards
	// that are opened before the first is full. GOMAXPROCS.
	Shards int
	// ShardMembers is how many members the shards of batched have before one more is opened. 512:
	// the sockets of some hundred members fit the second-level cache, and a round over them takes a
	// short time.
	ShardMembers int
	// QueuePackets is how many operations may wait at one shard. 4096.
	QueuePackets int
	// QueueBytes is how many bytes of frames may wait at one shard. 4 MiB. The frames are shared,
	// so many shards that wait for the same ones hold them once.
	QueueBytes int
	// Meter measures the broadcasts, nil nothing.
	Meter *Meter
	// Rings are what sharded and batched write by to many members at once. They belong to the
	// caller and must outlive the hub. nil: by a system call for each member, as the others do.
	Rings *outlet.Rings
}

func (o Options) withDefaults() (Options, error) {
	for _, field := range []struct {
		name  string
		value *int
		or    int
	}{
		{"Shards", &o.Shards, runtime.GOMAXPROCS(0)},
		{"ShardMembers", &o.ShardMembers, 512},
		{"QueuePackets", &o.QueuePackets, 4096},
		{"QueueBytes", &o.QueueBytes, 4 << 20},
	} {
		switch {
		case *field.value < 0:
			return o, fmt.Errorf("fan-out option %s is %d; use 0 for the default or a positive number", field.name, *field.value)
		case *field.value == 0:
			*field.value = field.or
		}
	}
	return o, nil
}

type strategy struct {
	name  string
	open  func(Options) Hub
	rings bool // Options.Rings is used
}

// strategies is the one table of them: a new one is a row here and a constructor.
func strategies() []strategy {
	return []strategy{
		{"naive", newNaive, false},
		{"serial", newSerial, false},
		{"writers", newWriters, false},
		{"sharded", newSharded, true},
		{"batched", newBatched, true},
	}
}

// Names lists the strategies, the simplest first.
func Names() []string {
	var names []string
	for _, s := range strategies() {
		names = append(names, s.name)
	}
	return names
}

// UsesRings reports whether the named strategy uses Options.Rings.
func UsesRings(name string) bool {
	return slices.ContainsFunc(strategies(), func(s strategy) bool { return s.name == name && s.rings })
}

// New returns a hub with the named strategy. It starts no goroutine; a strategy that has goroutines
// starts them when members come.
func New(name string, opts Options) (Hub, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	for _, s := range strategies() {
		if s.name == name {
			return s.open(opts), nil
		}
	}
	return nil, fmt.Errorf("fan-out strategy %q is unknown; use one of %s", name, strings.Join(Names(), ", "))
}
