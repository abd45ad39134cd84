package adapter

import (
	"context"
	"fmt"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/wire"
)

// replay is what a socket that is about to come back has missed. It grows with what is delivered
// until the socket enters.
type replay struct {
	session wire.Session
	behind  uint64 // the last that this server had sent when it began
	begun   time.Time
	events  []server.Message
	bytes   int
	lost    bool // it has grown too large, or too old
}

const (
	// restoreTime is how long the broker may take to restore a socket; RequestTimeout if that is
	// longer.
	restoreTime = 15 * time.Second
	// saveTime is how long after its client a socket may arrive at the broker; a sixteenth of
	// RequestTimeout if that is longer.
	saveTime = 300 * time.Millisecond
	// enterTime is how long middleware may take then.
	enterTime = time.Minute
	// maxPrivate is the largest length of a private id: official ones have 20 characters, ours 40.
	maxPrivate = 128
)

// Save implements server.Recoverer.
func (r *recoveryAdapter) Save(s server.Session) {
	if back, ok := s.State.(*replay); ok {
		r.mu.Lock()
		r.drop(back)
		r.mu.Unlock()
	}
	kept := r.session(s)
	old := s.State == nil && r.live != nil && r.live.left(s.ID)
	r.store.keep(s.Private, kept.Text(), r.within, old)
}

// session is a socket as it is kept.
func (r *recoveryAdapter) session(s server.Session) wire.Session {
	kept := wire.Session{ID: s.ID, Private: s.Private, Rooms: s.Rooms, Offset: s.Offset}
	if s.Data != nil {
		data, err := encodeData(func() ([]byte, error) {
			data, _, err := socketio.MessagePack.AppendArgs(nil, nil, s.Data)
			return data, err
		})
		if err != nil {
			r.cluster.logError(r.ns.Name(), err)
		} else {
			kept.Data = data
		}
	}
	return kept
}

// Restore implements server.Recoverer.
func (r *recoveryAdapter) Restore(pid, offset string) *server.Session {
	if len(pid) > maxPrivate {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(restoreTime, r.cluster.opts.RequestTimeout))
	defer cancel()
	s, err := r.restore(ctx, pid, offset)
	if err != nil {
		r.cluster.logError(r.ns.Name(), err)
	}
	return s
}

func (r *recoveryAdapter) restore(ctx context.Context, pid, offset string) (*server.Session, error) {
	text, err := r.take(ctx, pid)
	if err != nil || text == "" {
		return nil, err
	}
	kept, err := wire.ParseSession(text)
	if err != nil || kept.Private != pid {
		r.cluster.malformed(r.ns.Name(), err)
		return nil, nil
	}
	if offset == "" {
		offset = kept.Offset
	}
	from, ok := wire.ParseOffset(offset)
	if !ok {
		return nil, nil
	}
	// An entry that this server has not read yet is in the log already.
	if there, err := r.log.has(ctx, from); err != nil || !there {
		return nil, err
	}
	if err := r.log.position().wait(ctx, from); err != nil {
		return nil, fmt.Errorf("the events up to offset %s have not come: %w", offset, err)
	}
	back := &replay{session: kept, begun: time.Now()}
	missed := &replay{session: kept}
	r.mu.Lock()
	to := r.position()
	back.behind = r.last
	r.returns[back] = struct{}{}
	r.mu.Unlock()
	err = r.log.read(ctx, from, to, func(at wire.Offset, m *wire.Message) bool {
		if m.Kind == wire.Broadcast && !m.To.Volatile {
			if event, ok := r.relay(m); ok {
				missed.add(&m.To, event.WithOffset(at.String()), len(m.Args), r.limit)
			}
		}
		return !missed.lost
	})
	if err != nil {
		err = fmt.Errorf("reading what a socket missed: %w", err)
	}
	there := false
	if err == nil && !missed.lost {
		there, err = r.log.has(ctx, from) // and was so all the while
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !there {
		r.drop(back)
		return nil, err
	}
	if r.live != nil {
		r.live.announce(&kept)
	}
	back.events = append(missed.events, back.events...)
	s := &server.Session{ID: kept.ID, Private: pid, Rooms: kept.Rooms, Offset: offset, State: back}
	if kept.Data != nil {
		_ = socketio.MessagePack.Bind(kept.Data, nil, &s.Data) // it is well-formed
	}
	return s, nil
}

// take returns what is kept of a socket. The client may be faster than the server that it has left.
func (r *recoveryAdapter) take(ctx context.Context, pid string) (text string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the broker does not say what it has kept of a socket: %w", err)
		}
	}()
	left := max(saveTime, r.cluster.opts.RequestTimeout/16)
	for wait := saveTime / 3; ; wait *= 2 {
		if text, err = r.store.take(ctx, pid); err != nil || text != "" || wait > left {
			return text, err
		}
		left -= wait
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// add takes an event if it was for the socket.
func (b *replay) add(to *wire.Audience, event server.Message, bytes, limit int) {
	if b.lost || !to.Meant(b.session.ID, b.session.Rooms) {
		return
	}
	if b.bytes += bytes + perEvent; b.bytes > limit {
		b.lost, b.events = true, nil
		return
	}
	b.events = append(b.events, event)
}

// perEvent is about what an event takes beside its arguments.
const perEvent = 256

// missed adds an event that is delivered now to what returning sockets have missed; with since, for
// those alone that came after that number had been sent.
func (r *recoveryAdapter) missed(to *wire.Audience, event server.Message, bytes int, since uint64) {
	if to.Volatile {
		return
	}
	for back := range r.returns {
		if back.behind >= since {
			back.add(to, event, bytes, r.limit)
		}
	}
}

// drop forgets a socket that was about to come back, and from time to time those that did not.
func (r *recoveryAdapter) drop(back *replay) {
	delete(r.returns, back)
	now := time.Now()
	if now.Sub(r.swept) < enterTime { // all clients of another server may come back at once
		return
	}
	r.swept = now
	for other := range r.returns {
		if now.Sub(other.begun) > enterTime {
			other.lost, other.events = true, nil
			delete(r.returns, other)
		}
	}
}

// Enter implements server.Recoverer.
func (r *recoveryAdapter) Enter(s *server.Session, join func([]server.Message, string)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	back, ok := s.State.(*replay)
	if !ok {
		join(nil, r.position().String())
		r.addMove(roomMove{id: s.ID, fresh: true})
		return true
	}
	r.drop(back)
	if back.lost || r.closed {
		return false
	}
	join(back.events, s.Offset)
	return true
}
