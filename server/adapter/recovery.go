package adapter

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// recoveryAdapter is the adapter of a namespace whose clients may come back to any server.
// Broadcasts are entries of a log, and reach the sockets of every server in the order of the log,
// those of the server that sent them as well: the offset of the last event that a client has got
// then says which ones it has not. So they wait for the broker, and with them, in order, all else
// that goes to these sockets.
type recoveryAdapter struct {
	*node
	log     eventLog
	store   sessionStore
	live    *liveSockets        // nil if sockets are kept only when they leave
	publish func(bus.Item) bool // queues an entry, if there is room; does not wait
	within  time.Duration       // how long a client may be away
	limit   int                 // bytes that it may have missed

	waiting atomic.Bool // there is something in sent

	mu      sync.Mutex           // held while events reach the sockets of this server
	at      wire.Offset          // everything of the namespace up to here has reached them
	sent    []*pendingEvent      // sent here, and not delivered or without its entry yet, in order
	last    uint64               // number of the last one
	moves   []roomMove           // since then
	away    bool                 // the broker does not answer: all of sent is delivered, and nothing waits
	timer   *time.Timer          // watches that; nil while nothing is sent
	heard   time.Time            // when the last of what was sent came back
	returns map[*replay]struct{} // sockets that are about to come back
	swept   time.Time            // when returns was last looked through
	closed  bool
}

// pendingEvent is an event, or a call of then, that waits for its turn.
type pendingEvent struct {
	number uint64
	then   func() // to be called; or nil, and
	to     server.Target
	event  server.Message
	about  wire.Audience
	bytes  int
	data   string // by which its entry in the log is known; "" if it has none
	since  time.Time

	ready     bool // it does not wait for an entry
	doubtful  bool // the connection broke: there may be an entry or not
	delivered bool // while the broker was away
}

// Broadcast implements server.Adapter.
func (r *recoveryAdapter) Broadcast(to server.Target, m server.Message) error {
	w, err := r.message(wire.Broadcast, to, m)
	if err != nil {
		return err
	}
	w.Args = bytes.Clone(w.Args) // the caller's, if they came encoded
	event, err := r.ns.Relay(w.Event, w.Parser, w.Args, nil)
	if err != nil {
		return err
	}
	s := &pendingEvent{to: to, event: event, about: w.To, bytes: len(w.Args), ready: to.IsLocal()}
	var item bus.Item
	if !s.ready {
		item, s.data = r.log.entry(w)
		item.Done = func(_ string, err error) {
			if err != nil {
				r.failed(s, bus.Denied(err))
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.ready && !r.publish(item) {
		s.ready = true
	}
	r.queue(s)
	return nil
}

// After implements server.Recoverer.
func (r *recoveryAdapter) After(f func()) bool {
	if !r.waiting.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent) == 0 || r.away {
		return false
	}
	r.queue(&pendingEvent{then: f, ready: true})
	return true
}

// queue puts s behind what is sent already.
func (r *recoveryAdapter) queue(s *pendingEvent) {
	r.last++
	s.number = r.last
	if s.ready && (len(r.sent) == 0 || r.away) { // nothing is before it, or all of that is delivered
		r.deliver(s, r.position())
		return
	}
	if r.away {
		r.deliver(s, r.position())
		s.delivered = true
	}
	s.since = time.Now()
	r.sent = append(r.sent, s)
	r.waiting.Store(true)
	if r.timer == nil && !r.closed {
		r.timer = time.AfterFunc(r.cluster.opts.RequestTimeout, r.late)
	}
}

// settle delivers what is at the front and waits for nothing.
func (r *recoveryAdapter) settle() {
	n := 0
	for ; n < len(r.sent) && r.sent[n].ready; n++ {
		if s := r.sent[n]; !s.delivered {
			r.deliver(s, r.position())
		}
		r.sent[n] = nil
	}
	r.sent = r.sent[n:]
	if len(r.sent) == 0 {
		r.sent, r.moves, r.away = nil, nil, false
		r.waiting.Store(false)
	}
}

// position is the offset up to which everything has been delivered.
func (r *recoveryAdapter) position() wire.Offset {
	if at := r.log.position().get(); at.Compare(r.at) > 0 {
		return at
	}
	return r.at
}

// failed notes that the broker did not take what was sent; or, unless it has said so, that nobody
// knows.
func (r *recoveryAdapter) failed(s *pendingEvent, denied bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if denied || s.delivered {
		s.ready = true
		r.settle()
		return
	}
	s.doubtful = true
}

// late sees to it that nothing waits for a broker that does not answer. Events that are delivered
// now carry the offset of an event before them: a client that loses its connection before the next
// one gets them again when it comes back.
func (r *recoveryAdapter) late() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	if len(r.sent) == 0 || r.closed {
		return
	}
	timeout := r.cluster.opts.RequestTimeout
	// A long queue that moves is no reason.
	if wait := timeout - min(time.Since(r.sent[0].since), time.Since(r.heard)); wait > 0 {
		r.timer = time.AfterFunc(wait, r.late)
		return
	}
	r.away = true
	for _, s := range r.sent {
		if !s.delivered {
			r.deliver(s, r.position())
		}
		s.delivered = true
		s.ready = s.ready || s.doubtful
	}
	r.moves = nil // of interest only for what is still to be delivered
	r.settle()
	if len(r.sent) > 0 {
		r.timer = time.AfterFunc(timeout, r.late)
	}
}

// deliver sends an event to the sockets of this server with the offset at.
func (r *recoveryAdapter) deliver(s *pendingEvent, at wire.Offset) {
	if s.then != nil {
		s.then()
		return
	}
	event := s.event.WithOffset(at.String())
	if !s.to.IsLocal() {
		r.missed(&s.about, event, s.bytes, 0)
	}
	to := s.to
	for id, was := range r.moved(s) {
		to = to.Except(id)
		if !was.fresh && s.about.Meant(id, was.rooms) {
			one := r.target(wire.Audience{Rooms: []string{id}, Volatile: s.about.Volatile, NoCompress: s.about.NoCompress})
			_ = r.Adapter.Broadcast(one, event) // it has been encoded once without error
		}
	}
	_ = r.Adapter.Broadcast(to, event)
}

// arrived takes an entry of the log, known by data if this server has made it. Entries come one at
// a time and in order.
func (r *recoveryAdapter) arrived(at wire.Offset, m *wire.Message, data string) {
	if m.From == r.id {
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.Kind == wire.Broadcast {
			r.own(at, data)
		}
		r.at = at
		return
	}
	if m.Kind != wire.Broadcast {
		r.receive(m)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.at = at
		return
	}
	event, ok := r.relay(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = at
	if !ok {
		return
	}
	event = event.WithOffset(at.String())
	r.missed(&m.To, event, len(m.Args), 0)
	_ = r.Adapter.Broadcast(r.target(m.To), event)
}

// own delivers what this server has sent, now that its entry is here. What it sent before and has
// no entry will get none: entries are in the order in which they were sent.
func (r *recoveryAdapter) own(at wire.Offset, data string) {
	n := 0
	for n < len(r.sent) && (r.sent[n].ready || r.sent[n].data != data) {
		n++
	}
	if n == len(r.sent) {
		return // it was given up
	}
	for _, before := range r.sent[:n] {
		before.ready = true
	}
	r.settle()
	s := r.sent[0]
	r.at, r.heard = at, time.Now()
	if s.delivered {
		r.missed(&s.about, s.event.WithOffset(at.String()), s.bytes, s.number) // it was not known yet
	} else {
		r.deliver(s, at)
	}
	s.ready, s.delivered = true, true
	r.settle()
}

// Close implements server.Adapter.
func (r *recoveryAdapter) Close() error {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.sent = nil
	clear(r.returns)
	r.mu.Unlock()
	if r.live != nil {
		r.live.close()
	}
	return r.node.Close()
}

// roomMove is a socket of this server that has entered or left a room, or has entered the
// namespace.
type roomMove struct {
	behind uint64 // the last that was sent before
	id     string
	fresh  bool
	room   string
	rooms  []string // in which it was until then
}

// Moving implements server.Recoverer.
func (r *recoveryAdapter) Moving(id, room string, rooms func() []string) {
	if r.waiting.Load() {
		before := rooms()
		r.mu.Lock()
		r.addMove(roomMove{id: id, room: room, rooms: before})
		r.mu.Unlock()
	}
	if r.live != nil {
		r.live.moving(id) // behind what may wait for deliveries: the room is there soon
	}
}

// addMove notes a change of rooms, if there are events that were sent before it and are not
// delivered.
func (r *recoveryAdapter) addMove(m roomMove) {
	if m.behind = r.last; len(r.sent) > 0 && !r.away {
		r.moves = append(r.moves, m)
	}
}

// moved returns the sockets that may have been in another relation to the audience of s when it was
// sent, with their first move since then.
func (r *recoveryAdapter) moved(s *pendingEvent) map[string]roomMove {
	for len(r.moves) > 0 && r.moves[0].behind < s.number {
		r.moves = r.moves[1:] // older than all that is still to come
	}
	if len(r.moves) == 0 {
		return nil
	}
	first := make(map[string]int, len(r.moves)) // move of each socket
	all := map[string]roomMove{}
	for i, m := range r.moves {
		if _, known := first[m.id]; !known {
			first[m.id] = i
		}
		if m.fresh || s.about.Names(m.room) {
			all[m.id] = r.moves[first[m.id]]
		}
	}
	return all
}
