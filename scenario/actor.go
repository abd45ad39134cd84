package scenario

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/lateness"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// The life of a simulated client. It only goes forward.
type state int32

const (
	connecting state = iota
	joining          // connected, some join not yet acknowledged
	held             // member of all its rooms: may send, is expected to receive
	ended            // by the plan, by a failure, or dropped
)

// An actor is one simulated client from the start of its connection attempt until its connection
// has ended. One goroutine at a time is its own: run until it is connected, one of the trial's
// readers while a message is handled, follow from the end of the connection on.
type actor struct {
	// The ledger's account of the client, apart since it is kept longer than the client lives. A
	// recovered client takes over its earlier one: only its own goroutine, and those that have seen
	// it held, may read the pointer.
	*ledger.Receiver
	id        uint32       // its index in the trial
	state     atomic.Int32 // see above
	class     int          // of the trial's
	t         *trial
	group     *group
	index     int // within the group
	number    int // of the user that it plays: its index, or how many arrived before it
	user      *user
	space     string // its namespace, where that is its own; set before it is connected
	head      []byte // of its event packets; likewise
	transport int    // of the trial's
	shard     *record.Shard
	keyed     []*ledger.Audience // by the trial's keyings; nil: it has no key
	sids      []string           // its socket ids, by namespace; set before state says joining
	calls     callBook
	gaps      *gaps            // nil: none yet
	transit   lateness.Transit // of its deliveries; its own goroutine's
	// came in another's place, or arrived: it is not asked to send before it is held
	churned   bool
	slow      bool // reads slowly
	recovered bool // it is the socket that it was before
	broken    bool // a fault ended its last connection, and it is not back
	// a fault made it stop reading, and until then the server may end its connection for that: as
	// long after it as it may notice by its heartbeat. 0: none did
	stalled atomic.Int64
	cut     atomic.Bool // a fault ended its connection

	mu      sync.Mutex
	conn    conn // nil until connected; set before state says joining
	leaving bool // told to go
	planned bool // before the trial was over, or for an error that is counted
	metered bool // its bytes are in the trial's meters; set under their lock too
	offline bool // its flow has disconnected it
	flow    *flow

	reactions uint64 // so far; its own goroutine's

	node int // the place of its target among the trial's

	due int64 // when it was to connect for the first time; noDue once it has
	// how much later than that the generator began; 0 where requests come before the connection
	late int64

	// Of a client that connects again: when its connection broke, how often it has tried
	// since, and how often it broke before. since is 0 while it is held.
	since        int64
	tries, drops int
	away         atomic.Int64    // since, for others to read; 0 while it is held
	session      *client.Session // that it had, to come back as the same socket; nil: none
	// operations due while it or a successor had no connection; nil: it does not reconnect
	outbox  *outbox
	peering *peering // nil: it opens no data channels
	// its previous state, while the server may still recover the socket; guarded by mu
	was *ledger.Receiver

	joins int // memberships that are not acknowledged; its own goroutine's
}

// newActor makes a client that connects for the first time.
func newActor(t *trial, g *group, index, number int) *actor {
	return newActorAt(t, g, index, number, t.firstNode(g, number))
}

// newActorAt makes a client that connects to a target.
func newActorAt(t *trial, g *group, index, number, node int) *actor {
	a := &actor{
		node: node,
		id:   uint32(g.first + index), t: t, group: g, index: index, number: number, user: t.user(g, number),
		transport: g.transports[plan.TransportOf(g.spec.Transport, number)],
	}
	a.shard, a.head = t.rec.Shard(a.id), g.head
	a.slow = plan.ReadsSlowly(g.spec.Read, number)
	a.class = indexIn(&t.kinds.classes, class{g.index, a.transport, a.slow, node})
	a.Receiver = &ledger.Receiver{ID: a.id, Class: a.class, Node: node}
	rooms := g.rooming(index)
	var more []*ledger.Membership
	for _, space := range g.spaces {
		m := &ledger.Membership{}
		m.Init(space, -1, a.class)
		more = append(more, m)
	}
	own, list := make([]ledger.Membership, len(rooms)+1), make([]*ledger.Membership, 0, len(rooms)+1)
	for i, room := range append(rooms, -1) {
		m := &own[i]
		if room >= 0 {
			m.Init(g.rooms[room], room, a.class)
		} else {
			list, more = a.enroll(list, more)
			m.Init(g.namespace, room, a.class) // the last one
		}
		list = append(list, m)
	}
	a.SetMemberships(list)
	a.SetSpaces(more)
	a.joins = len(rooms)
	if g.spec.Reconnect != nil {
		a.outbox = &outbox{}
	}
	if g.spec.Peers != nil {
		a.peering = &peering{}
	}
	return a
}

// run plays the client, and those that connect again in its place, until one of them is connected:
// what becomes of that one is followed by after.
func (a *actor) run(ctx context.Context, due int64) {
	if a.due = due; a.group.before == nil {
		a.late = max(0, a.t.now()-due)
	}
	a.follow(ctx, a.live(ctx))
}

// follow plays the client that connects again; nil: none does.
func (a *actor) follow(ctx context.Context, next *actor) {
	for a = next; a != nil; a = a.live(ctx) {
		if !a.pause(ctx) {
			a.recordNeverConnected()
			a.end(nil)
			return
		}
		if a.since == 0 {
			a.group.attempts[max(0, a.t.tl.PhaseAt(a.t.now()))].Add(1)
		}
	}
}

// live connects, and has the connection read until it ends. It returns the client that connects
// again if this one could not.
func (a *actor) live(ctx context.Context) (next *actor) {
	t := a.t
	if !t.takeTurn(ctx) {
		a.waited(metric.HowTurn)
		if a.tries > 0 {
			a.recordNeverConnected()
		}
		a.end(nil)
		return nil
	}
	for _, list := range [...][]*ledger.Membership{a.Memberships(), a.Spaces()} {
		for _, m := range list {
			m.Asked = t.now()
		}
	}
	d, began, err := a.connect(ctx)
	<-t.life.dials
	if err != nil {
		if a.isTraced() {
			t.tracer.line(a, t.now(), "- %v", err)
		}
		return a.failed(ctx, began, err)
	}
	t.watch.learn(d.patience)
	d.conn = a.traced(d)
	a.sids = d.sids
	t.count.connected.Add(1)
	t.nodes[a.node].connected.Add(1)
	a.timings(began, d)
	if !a.adopt(d.conn) {
		_ = d.Close() // it was told to go while it connected
	}
	if d.recovered {
		a.resume()
	} else {
		a.forget()
	}
	var joining *timeout // nil: it joins nothing that is acknowledged
	if asked, acknowledged := t.joinAsked(); a.peering != nil {
		joining = t.timeout(a.group.spec.Connect.Timeout, a.joinLate)
		if err := a.openPeers(); err != nil {
			_ = d.Close() // its reading ends with the cause
		}
	} else if a.joins == 0 {
		a.hold()
	} else if !acknowledged {
		a.joinSilently(ctx, asked)
	} else {
		joining = t.timeout(a.group.spec.Connect.Timeout, a.joinLate)
		a.join()
	}
	a.read(ctx, d.conn, a.handler(began), joining)
	return nil
}

// read has the connection read until it ends, and then follows the client, for which the trial
// waits.
func (a *actor) read(ctx context.Context, c conn, h client.Handler, joining *timeout) {
	t := a.t
	t.life.wg.Add(1)
	ended := func(err error) {
		defer t.life.wg.Done()
		joining.stop()
		next := a.after(c, err)
		a.closePeers()
		a.follow(ctx, next)
	}
	if c, own := c.(*client.Client); own && a.peering == nil { // peers may wait for one another
		t.readers.Run(c, h, ended)
		return
	}
	go func() { ended(c.Run(h)) }()
}

// adopt makes the connection the actor's, unless the plan has already ended the actor.
func (a *actor) adopt(c conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn = c
	if a.leaving {
		return false
	}
	a.state.CompareAndSwap(int32(connecting), int32(joining))
	return true
}

// filling returns the values for the templates of the client's handshake.
func (a *actor) filling() *filling {
	return &filling{group: a.group, client: a.number, captured: a.user.values()}
}

// countError counts an error of the client. Errors of slow readers are counted separately, because
// slow readers exist to provoke them.
func (a *actor) countError(class metric.ErrorClass, stream int, when int64, err error) {
	class.Slow = a.slow && state(a.state.Load()) != connecting
	if err != nil {
		err = redactedError{err, a.filling(), nil}
	}
	a.t.errors.Add(record.ErrorKey{Class: class, Stream: stream, Group: a.group.index}, when, err)
}
