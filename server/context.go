package server

import (
	"context"
	"slices"
)

// life is what Socket.Context returns, and its end.
type life struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// Context returns a context that ends, with ErrDisconnected as its cause, when the socket leaves
// its namespace, or its connection or the server ends: also while a handler or a middleware of it
// is at work, for whose return OnDisconnect has to wait. Give it to what these wait for, such as a
// query.
//
// Behind a handler at work nothing of the client is read, but the end of its connection is seen at
// once. What the client had sent by then is still handled, with a context that has ended. Where a
// connection is not the server's own, as with TLS of other listeners than NewTLSListener's, and on
// other systems than Linux, an end shows when something is sent that the client does not take, or
// by the heartbeat, after Times.PingInterval and PingTimeout at the latest.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	if s.life == nil {
		ctx, end := context.WithCancelCause(context.Background())
		s.life = &life{ctx, end}
	}
	l := s.life
	s.mu.Unlock()
	if s.isOver() { // else endContext finds it
		l.end(ErrDisconnected)
	}
	return l.ctx
}

// isOver reports whether the socket has left, or will never join.
func (s *Socket) isOver() bool {
	if s.stage.Load() > inside || s.conn.over.Load() || !s.conn.session.IsOpen() {
		return true
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.stage.Load() == joining && s.conn.joinRequest(s) == nil
}

// endContext ends the context of a socket for which isOver holds.
func (s *Socket) endContext() {
	s.mu.Lock()
	l := s.life
	s.mu.Unlock()
	if l != nil {
		l.end(ErrDisconnected)
	}
}

// Over implements session.Handler.
func (c *conn) Over() {
	c.over.Store(true)
	c.mu.Lock()
	all := slices.Clone(c.sockets)
	if c.transitions != nil {
		for _, r := range c.transitions.joins {
			all = append(all, r.socket)
		}
	}
	c.mu.Unlock()
	for _, s := range all {
		s.endContext()
	}
}
