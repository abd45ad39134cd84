package adapter

import (
	"sync"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/wire"
)

// living keeps the sockets that are on this server, so that their clients come back to another one
// even if this one ends without a word, or before it notices that their connection is broken.
// Official servers keep sockets when they leave.
type living struct {
	r *recovering

	mu      sync.Mutex
	lives   map[string]*life // by the id of the socket
	changed []*life
	soon    *time.Timer // keeps what has changed; nil while nothing has
	next    *time.Timer // keeps the others from being forgotten; nil while there are none
	closed  bool
}

// life is a socket from its coming to its going.
type life struct {
	socket  *server.Socket
	id, pid string
	changed bool
	kept    time.Time // when it was kept or extended last; zero: never
	moved   bool      // it is on another server by now
}

const (
	// settleTime is how long changes of a socket are gathered before they are kept.
	settleTime = 100 * time.Millisecond
	// rounds is how many times sockets are looked through while the time passes for which they are
	// kept at least.
	rounds = 16
)

func newLiving(r *recovering) *living {
	l := &living{r: r, lives: map[string]*life{}}
	r.ns.Watch(server.Watch{Connect: l.came, Disconnect: func(s *server.Socket, _ string) { l.went(s) }})
	r.returned = l.elsewhere
	return l
}

// came is called for each socket that joins.
func (l *living) came(s *server.Socket) {
	session, ok := s.Session()
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	e := &life{socket: s, id: newID(), pid: session.Private}
	l.lives[session.ID] = e
	l.change(e)
	if l.next == nil {
		l.next = time.AfterFunc(l.round(), l.extend)
	}
}

// moving is called when a socket changes its rooms.
func (l *living) moving(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.lives[id]; e != nil && !l.closed {
		l.change(e)
	}
}

func (l *living) change(e *life) {
	if e.changed {
		return
	}
	e.changed = true
	l.changed = append(l.changed, e)
	if l.soon == nil {
		l.soon = time.AfterFunc(settleTime, l.settle)
	}
}

// settle keeps what has changed. A socket's data may be read when none of its handlers runs.
func (l *living) settle() {
	l.mu.Lock()
	changed := l.changed
	l.changed, l.soon = nil, nil
	l.mu.Unlock()
	for _, e := range changed {
		e.socket.Do(func() { l.keep(e) })
	}
}

func (l *living) keep(e *life) {
	session, ok := e.socket.Session()
	if !ok {
		return
	}
	kept := l.r.session(session)
	kept.Life = e.id
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives[session.ID] != e || l.closed {
		return // it has left
	}
	e.changed = false
	// Only the first time there may be nothing: later it has been taken by another server.
	l.r.vault.keep(e.pid, kept.Text(), 2*l.r.within, !e.kept.IsZero())
	e.kept = time.Now()
}

// extend sees to it that no socket is forgotten that is here.
func (l *living) extend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next = nil; len(l.lives) == 0 || l.closed {
		return
	}
	now := time.Now()
	for _, e := range l.lives {
		if !e.kept.IsZero() && now.Sub(e.kept) > l.r.within*(rounds-2)/rounds {
			l.r.vault.extend(e.pid, 2*l.r.within)
			e.kept = now
		}
	}
	l.next = time.AfterFunc(l.round(), l.extend)
}

func (l *living) round() time.Duration { return max(settleTime, l.r.within/rounds) }

// left forgets a socket that is about to be kept as one that has left, and reports whether there
// must be something of it already.
func (l *living) left(id string) (kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.lives[id]
	delete(l.lives, id)
	return e != nil && !e.kept.IsZero()
}

// went forgets a socket for good if it is not one that has left and may come back.
func (l *living) went(s *server.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.lives[s.ID()]
	if e == nil || e.socket != s {
		return
	}
	delete(l.lives, s.ID())
	if !e.kept.IsZero() && !e.moved {
		l.r.vault.extend(e.pid, 0)
	}
}

// take tells the server on which a socket may still be that it is here now.
func (l *living) take(s *wire.Session) {
	if s.Life == "" {
		return
	}
	l.r.link.send(&wire.Message{
		Kind: wire.Returned, From: l.r.id, Namespace: l.r.ns.Name(), To: wire.Audience{Rooms: []string{s.ID}}, Names: []string{s.Life},
	}, "")
}

// elsewhere is the reverse: it ends the sockets that have come back to another server.
func (l *living) elsewhere(m *wire.Message) {
	for i, id := range m.To.Rooms {
		l.mu.Lock()
		e := l.lives[id]
		moved := e != nil && i < len(m.Names) && e.id == m.Names[i]
		if moved {
			e.moved = true
		}
		l.mu.Unlock()
		if moved {
			e.socket.Disconnect(false)
		}
	}
}

func (l *living) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, t := range []*time.Timer{l.soon, l.next} {
		if t != nil {
			t.Stop()
		}
	}
}
