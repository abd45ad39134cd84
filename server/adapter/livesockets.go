package adapter

import (
	"sync"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/wire"
)

// liveSockets saves the sockets that are connected to this server, so that their clients come back
// to another one even if this server is killed, or before it notices that their connection is
// broken. Official servers save sockets when they leave. Its methods are safe for concurrent use.
type liveSockets struct {
	r *recoveryAdapter

	mu      sync.Mutex
	byID    map[string]*liveSocket
	changed []*liveSocket
	save    *time.Timer // saves what has changed; nil while nothing has
	renew   *time.Timer // extends what is saved; nil while there are no sockets
	closed  bool
}

// liveSocket is a socket from its join to its end on this server.
type liveSocket struct {
	socket      *server.Socket
	incarnation string // see wire.Session
	pid         string
	changed     bool
	moving      time.Time // when it began to change rooms last
	saved       time.Time // when it was saved or extended last; zero: never
	moved       bool      // its client has come back to another server
}

const (
	// saveDelay is how long changes of a socket are gathered before it is saved.
	saveDelay = 100 * time.Millisecond
	// renewals is how often saved sockets are looked through in the time for which a client may be
	// away.
	renewals = 16
)

func newLiveSockets(r *recoveryAdapter) *liveSockets {
	l := &liveSockets{r: r, byID: map[string]*liveSocket{}}
	r.ns.Watch(server.Watch{Connect: l.connected, Disconnect: func(s *server.Socket, _ string) { l.disconnected(s) }})
	r.returned = l.returned
	return l
}

// connected is called for each socket that joins.
func (l *liveSockets) connected(s *server.Socket) {
	session, ok := s.Session()
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	e := &liveSocket{socket: s, incarnation: newID(), pid: session.Private}
	l.byID[session.ID] = e
	l.change(e)
	if l.renew == nil {
		l.renew = time.AfterFunc(l.interval(), l.extendAll)
	}
}

// moving is called before a socket enters or leaves a room.
func (l *liveSockets) moving(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.byID[id]; e != nil && !l.closed {
		e.moving = time.Now()
		l.change(e)
	}
}

// change has e saved soon; the lock is held.
func (l *liveSockets) change(e *liveSocket) {
	if e.changed {
		return
	}
	e.changed = true
	l.changed = append(l.changed, e)
	if l.save == nil {
		l.save = time.AfterFunc(saveDelay, l.saveChanged)
	}
}

// saveChanged saves what has changed. The data of a socket may be read when none of its handlers
// runs.
func (l *liveSockets) saveChanged() {
	l.mu.Lock()
	changed := l.changed
	l.changed, l.save = nil, nil
	l.mu.Unlock()
	for _, e := range changed {
		e.socket.Do(func() { l.saveOne(e) })
	}
}

func (l *liveSockets) saveOne(e *liveSocket) {
	l.mu.Lock()
	e.changed = false                                        // before its rooms are read: it may change meanwhile
	moving := e.moving.After(time.Now().Add(-saveDelay / 2)) // it may not be there yet
	l.mu.Unlock()
	session, ok := e.socket.Session()
	if !ok {
		return
	}
	saved := l.r.session(session)
	saved.Incarnation = e.incarnation
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID[session.ID] != e || l.closed {
		return // it has left
	}
	if moving {
		l.change(e)
	}
	// Only the first time there may be nothing in the store: later another server has taken it.
	l.r.store.keep(e.pid, saved.Text(), 2*l.r.within, !e.saved.IsZero())
	e.saved = time.Now()
}

// extendAll keeps the store from forgetting sockets that are still connected.
func (l *liveSockets) extendAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renew = nil; len(l.byID) == 0 || l.closed {
		return
	}
	now := time.Now()
	for _, e := range l.byID {
		if !e.saved.IsZero() && now.Sub(e.saved) > l.r.within*(renewals-2)/renewals {
			l.r.store.extend(e.pid, 2*l.r.within)
			e.saved = now
		}
	}
	l.renew = time.AfterFunc(l.interval(), l.extendAll)
}

func (l *liveSockets) interval() time.Duration { return max(saveDelay, l.r.within/renewals) }

// left forgets a socket that is about to be saved as one that has left, and reports whether there
// must be something of it in the store already.
func (l *liveSockets) left(id string) (saved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byID[id]
	delete(l.byID, id)
	return e != nil && !e.saved.IsZero()
}

// disconnected is called for each socket that has left. What is saved of one that may not come back
// is deleted; left has been called for the others.
func (l *liveSockets) disconnected(s *server.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byID[s.ID()]
	if e == nil || e.socket != s {
		return
	}
	delete(l.byID, s.ID())
	if !e.saved.IsZero() && !e.moved {
		l.r.store.extend(e.pid, 0)
	}
}

// announce tells the server to which a socket may still be connected that it is on this one now.
func (l *liveSockets) announce(s *wire.Session) {
	if s.Incarnation == "" {
		return
	}
	l.r.link.send(&wire.Message{
		Kind: wire.Returned, From: l.r.id, Namespace: l.r.ns.Name(), To: wire.Audience{Rooms: []string{s.ID}}, Names: []string{s.Incarnation},
	}, "")
}

// returned takes an announcement of another server: it ends the sockets whose clients are there
// now.
func (l *liveSockets) returned(m *wire.Message) {
	for i, id := range m.To.Rooms {
		l.mu.Lock()
		e := l.byID[id]
		moved := e != nil && i < len(m.Names) && e.incarnation == m.Names[i]
		if moved {
			e.moved = true
		}
		l.mu.Unlock()
		if moved { // beside a handler that is at work: it may wait for this in Socket.Context
			_ = l.r.Adapter.Apply(e.socket.Compress(true), server.Change{Disconnect: true, Aside: true})
		}
	}
}

func (l *liveSockets) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, t := range []*time.Timer{l.save, l.renew} {
		if t != nil {
			t.Stop()
		}
	}
}
