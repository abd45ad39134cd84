package server

import (
	"container/list"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/frame"
)

// entry is an event that is kept. skip stands for the audience's Skip, whose socket must not be
// held by it.
type entry struct {
	to   fanout.Audience
	skip string
	f    *frame.Frame
	at   time.Time
}

func entryFor(to fanout.Audience) entry {
	e := entry{to: to}
	if to.Skip != nil {
		e.skip, e.to.Skip = to.Skip.ID(), nil
	}
	return e
}

// size estimates the memory behind e.
func (e *entry) size() int {
	return 256 + len(e.f.Wire()) + e.to.Rooms.Bytes() + e.to.Except.Bytes()
}

// isFor reports whether a saved socket belongs to the audience of e.
func (e *entry) isFor(p *savedSocket) bool {
	in := func(names *fanout.Set) bool {
		for i := range names.Len() {
			if name := names.At(i); name == p.sid || slices.Contains(p.rooms, name) {
				return true
			}
		}
		return false
	}
	return e.skip != p.sid && (e.to.Rooms.Len() == 0 || in(&e.to.Rooms)) && !in(&e.to.Except)
}

// recoveryLog keeps the events of one namespace, and the sockets that have left it. Events have
// consecutive numbers: the newest entry has the number last.
//
// An event gets its number and goes to the hub under the lock, so that every socket gets its events
// in the order of their numbers, and the last number that it saw shows which events it received.
type recoveryLog struct {
	ns    *Namespace
	opts  Recovery
	keep  time.Duration // how long events are kept
	epoch string        // begins every offset, so that offsets of another log are recognized
	sweep deadline.Entry

	mu      sync.Mutex
	entries []entry
	bytes   int
	last    uint64
	lost    uint64                  // the last number that went before its time
	gone    map[string]*savedSocket // by private id: the sockets that may come back
	order   list.List               // of the same, the one that left first in front
	rooms   int                     // bytes of the names of their rooms
	armed   bool
	closed  bool
}

func newRecoveryLog(n *Namespace) *recoveryLog {
	o := &n.server.opts
	l := &recoveryLog{
		ns: n, opts: *o.Recovery, epoch: newID()[:6] + "-", gone: map[string]*savedSocket{},
		// An event may have been on its way to a socket whose end was noticed only when its
		// heartbeat failed.
		keep: o.Recovery.MaxDisconnection + o.Times.PingInterval + o.Times.PingTimeout,
	}
	l.sweep.Fire = l.fire
	return l
}

// publish gives an event its number, keeps it, and sends it.
func (l *recoveryLog) publish(m *message, e entry, send func(*frame.Frame)) error {
	b := builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := l.ns.text(b.Text(), m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !m.volatile {
		l.last++
	}
	// A volatile event carries the number of the one before it: the client takes the last argument
	// for an offset if it is any string.
	e.f = l.ns.offsetFrame(b, text, l.offset(l.last), attachments, m.flags)
	if !m.volatile {
		e.at = time.Now()
		l.entries = append(l.entries, e)
		l.bytes += e.size()
		l.trim(e.at)
		l.arm()
	}
	send(e.f)
	return nil
}

// sendBeforeJoin sends an event to the client of s, which is not in the namespace yet. The event is
// not kept, and carries the number of the event before it, or for a client that recovers a socket
// the number of the last event that it has received: if its connection breaks again, it still gets
// the events after that one.
func (l *recoveryLog) sendBeforeJoin(s *Socket, m *message) error {
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	if s.recovered {
		last = s.seen
	}
	f, err := l.ns.encodeWithOffset(m, l.offset(last))
	if err == nil {
		s.conn.session.Send(f)
	}
	return err
}

// offset is the text of a number.
func (l *recoveryLog) offset(number uint64) []byte {
	return strconv.AppendUint([]byte(l.epoch), number, 36)
}

// number is the reverse of offset. A client that has received no event has no offset: its number is
// start.
func (l *recoveryLog) number(offset string, start uint64) (uint64, bool) {
	if offset == "" {
		return start, true
	}
	digits, ours := strings.CutPrefix(offset, l.epoch)
	n, err := strconv.ParseUint(digits, 36, 64)
	return n, ours && err == nil && n <= l.last
}

// first is the number of the first entry.
func (l *recoveryLog) first() uint64 { return l.last + 1 - uint64(len(l.entries)) }

// trim drops entries that are too old, or too many.
func (l *recoveryLog) trim(now time.Time) {
	n := 0
	for ; n < len(l.entries); n++ {
		e := &l.entries[n]
		early := now.Sub(e.at) < l.keep
		if early && l.bytes <= l.opts.MaxBytes {
			break
		}
		if early {
			l.lost = l.first() + uint64(n)
		}
		l.bytes -= e.size()
		*e = entry{}
	}
	l.entries = l.entries[n:]
	for first := l.order.Front(); first != nil; first = l.order.Front() {
		p := first.Value.(*savedSocket)
		if now.Before(p.expires) && len(l.gone) <= l.opts.MaxSockets && l.rooms <= l.opts.MaxBytes {
			break
		}
		l.forget(p)
	}
}

// forget drops a socket that is kept.
func (l *recoveryLog) forget(p *savedSocket) {
	delete(l.gone, p.pid)
	l.order.Remove(p.place)
	p.place = nil
	l.rooms -= p.size()
}

// arm sets the timer that drops entries when they are too old.
func (l *recoveryLog) arm() {
	if !l.armed && !l.closed && len(l.entries)+l.order.Len() > 0 {
		l.armed = true
		l.ns.server.start()
		l.ns.server.clock.Arm(&l.sweep, l.keep)
	}
}

func (l *recoveryLog) fire() {
	if !l.mu.TryLock() { // the clock must not wait for a broadcast
		l.ns.server.clock.Arm(&l.sweep, time.Second)
		return
	}
	defer l.mu.Unlock()
	l.trim(time.Now())
	l.armed = false
	l.arm()
}

// save keeps a socket that has left.
func (l *recoveryLog) save(p *savedSocket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	if before := l.gone[p.pid]; before != nil {
		l.forget(before)
	}
	p.expires = now.Add(l.opts.MaxDisconnection)
	l.gone[p.pid] = p
	p.place = l.order.PushBack(p)
	l.rooms += p.size()
	l.trim(now)
	l.arm()
}

// size is how much the names of the socket's rooms take, with what the system adds to each.
func (p *savedSocket) size() (bytes int) {
	for _, room := range p.rooms {
		bytes += len(room) + 16
	}
	return bytes
}

// restore returns a socket that has left: only once, even if the recovery fails later.
func (l *recoveryLog) restore(pid, offset string) *savedSocket {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.gone[pid]
	if p == nil || l.ns.hub.Lookup(p.sid) != nil { // it is about to leave
		return nil
	}
	l.forget(p)
	seen, known := l.number(offset, p.seen)
	p.seen = max(seen, p.seen) // an offset from before it joined comes from its middleware
	if !known || !time.Now().Before(p.expires) {
		return nil
	}
	if _, there := l.missed(p); !there {
		return nil
	}
	return p
}

// missed returns what a socket has not got yet, and whether that is all there and fits the queue of
// its connection.
func (l *recoveryLog) missed(p *savedSocket) (frames []*frame.Frame, all bool) {
	if p.seen < l.lost {
		return nil, false
	}
	size, packets := 0, 0
	for i := max(p.seen+1, l.first()); i <= l.last; i++ {
		e := &l.entries[i-l.first()]
		if e.isFor(p) {
			frames = append(frames, e.f)
			size += len(e.f.Wire())
			packets++
		}
	}
	o := &l.ns.server.opts
	return frames, packets < o.Limits.QueuePackets && size < o.Limits.QueueBytes
}

// enter makes s a member, after it has been sent what it missed. p is nil for a new socket.
func (l *recoveryLog) enter(s *Socket, p *savedSocket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p == nil {
		if !s.conn.isRevision3() {
			s.pid, s.seen = newID()+s.id, l.last
		}
		s.enter(nil)
		return true
	}
	frames, all := l.missed(p)
	if !all || l.ns.hub.Lookup(p.sid) != nil {
		return false
	}
	s.seen = p.seen
	for _, f := range frames {
		s.conn.session.Send(f)
	}
	s.enter(p.rooms)
	return true
}

func (l *recoveryLog) close() {
	l.mu.Lock()
	l.closed = true
	l.entries = nil
	l.order.Init()
	clear(l.gone)
	l.mu.Unlock()
	l.ns.server.clock.Disarm(&l.sweep)
}
