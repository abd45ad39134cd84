package server

import (
	"errors"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
)

// Errors that an EmitWithAck ends with.
var (
	ErrAckTimeout   = errors.New("server: operation has timed out")
	ErrDisconnected = errors.New("server: socket has been disconnected")
	ErrTooManyAcks  = errors.New("server: too many answers of the socket are awaited; see Limits.MaxAcks")
)

// pendingAck is an answer that a socket owes, or, of a broadcast, that each of its receivers does.
// The goroutine that takes the entry out of Socket.acks calls done.
type pendingAck struct {
	timeout deadline.Entry // of a broadcast, not used here
	done    func(s *Socket, answer *Event, err error)
}

// EmitWithAck sends an event and calls done once: with the client's answer, or with ErrAckTimeout
// or ErrDisconnected. The answer is valid until done returns. done runs on a goroutine of the
// server and must not block. A handler of the client's connection must not wait for it: the answer
// is read when the handler has returned. An error of EmitWithAck itself is one of Emit,
// ErrDisconnected or ErrTooManyAcks, and done is not called then.
func (s *Socket) EmitWithAck(timeout time.Duration, done func(answer *Event, err error), event string, args ...any) error {
	notNil("EmitWithAck", done != nil)
	s.outgoing(event, args)
	id := s.ns.ackIDs.Add(1) - 1
	f, err := s.ns.question(id, &message{event: event, args: args})
	if err != nil {
		return err
	}
	p := &pendingAck{done: func(_ *Socket, answer *Event, err error) { done(answer, err) }}
	p.timeout.Fire = func() {
		if s.takeAck(id) != nil {
			_ = s.conn.guard(func() { done(nil, ErrAckTimeout) })
		}
	}
	if err := s.awaitAck(id, p, timeout); err != nil {
		return err
	}
	s.deliver(f)
	return nil
}

// deliver sends a frame to this client.
func (s *Socket) deliver(f *frame.Frame) {
	h := s.member()
	switch {
	case h == nil:
		s.conn.session.Send(f) // still in middleware
	case s.ns.recoverer != nil && s.ns.recoverer.After(func() { s.ns.hub.Emit(h, f) }):
	default:
		s.ns.hub.Emit(h, f)
	}
}

// question builds an event that asks for an answer.
func (n *Namespace) question(id uint64, m *message) (*frame.Frame, error) {
	return n.build(m.flags, func(dst []byte) ([]byte, [][]byte, error) {
		parser := n.server.opts.Parser
		if m.isRaw {
			return parser.AppendRawEvent(dst, n.name, id, true, m.event, m.raw, len(m.attachments)), m.attachments, nil
		}
		return parser.AppendEvent(dst, n.name, id, true, m.event, m.args...)
	})
}

// awaitAck notes that an answer is expected; without a timeout of its own if that is zero.
func (s *Socket) awaitAck(id uint64, p *pendingAck, timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage.Load() > inside {
		return ErrDisconnected
	}
	if len(s.acks) >= s.ns.server.opts.Limits.MaxAcks {
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = map[uint64]*pendingAck{}
	}
	s.acks[id] = p
	if p.timeout.Fire != nil {
		s.ns.server.clock.Arm(&p.timeout, timeout)
	}
	return nil
}

func (s *Socket) takeAck(id uint64) *pendingAck {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.acks[id]
	if p == nil {
		return nil
	}
	delete(s.acks, id)
	if p.timeout.Fire != nil {
		s.ns.server.clock.Disarm(&p.timeout)
	}
	return p
}

// dropAcks reports to functions that wait for an answer that none will come. The socket is not
// inside any more, so that none is added.
func (s *Socket) dropAcks() {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for _, p := range acks {
		if p.timeout.Fire != nil {
			s.ns.server.clock.Disarm(&p.timeout)
		}
		_ = s.conn.guard(func() { p.done(s, nil, ErrDisconnected) })
	}
}
