package server

import (
	"errors"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
)

// Errors that an EmitWithAck ends with.
var (
	ErrAckTimeout   = errors.New("server: operation has timed out")
	ErrDisconnected = errors.New("server: socket has been disconnected")
	ErrTooManyAcks  = errors.New("server: too many answers of the socket are awaited; see Options.MaxAcks")
)

// pendingAck is an answer that a socket owes, or, of a broadcast, that each of
// its receivers does. The entry in Socket.acks decides who calls done: whoever
// takes it out.
type pendingAck struct {
	timeout deadline.Entry // of a broadcast, not used here
	done    func(s *Socket, answer *Event, err error)
}

// EmitWithAck sends an event and calls done once: with the client's answer, or
// with ErrAckTimeout or ErrDisconnected. The answer is valid until done
// returns. done runs on a goroutine of the server and must not block. An error
// of EmitWithAck itself is one of Emit, ErrDisconnected or ErrTooManyAcks, and
// done is not called then.
func (s *Socket) EmitWithAck(timeout time.Duration, done func(answer *Event, err error), event string, args ...any) error {
	s.outgoing(event, args)
	id := s.ns.ackIDs.Add(1) - 1
	f, err := s.ns.question(id, event, args, flags{})
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
	if s.handle == nil { // still in middleware
		s.conn.session.Send(f)
		return
	}
	s.ns.hub.Emit(s.handle, f)
}

// question builds an event that asks for an answer.
func (n *Namespace) question(id uint64, event string, args []any, how flags) (*frame.Frame, error) {
	return n.build(how, func(dst []byte) ([]byte, [][]byte, error) {
		return n.server.opts.Parser.AppendEvent(dst, n.name, id, true, event, args...)
	})
}

// awaitAck notes that an answer is expected; without a timeout of its own if
// that is zero.
func (s *Socket) awaitAck(id uint64, p *pendingAck, timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage.Load() != inside {
		return ErrDisconnected
	}
	if len(s.acks) >= s.ns.server.opts.MaxAcks {
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

// dropAcks tells those who wait for an answer that none will come. The socket
// is not inside any more, so that none is added.
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

// Answer is what one receiver of a broadcast answered.
type Answer struct {
	From  string // id of the socket
	Event *Event // for Bind and Raw; it stays valid
}

// Answers is what came back from a broadcast.
type Answers struct {
	All     []Answer // in the order in which they came
	Missing []string // the ids of receivers that did not answer, in no order
}

// EmitWithAck sends an event to the sockets of t and calls done once: when all
// of them have answered, left, or owe too many answers already, or when the
// timeout has passed. With no receivers that is at once. done runs on a
// goroutine of the server and must not block. An error of EmitWithAck itself is
// one of Emit, and done is not called then.
func (t Target) EmitWithAck(timeout time.Duration, done func(Answers), event string, args ...any) error {
	t.ns.outgoing(t, event, args)
	c := &collection{server: t.ns.server, done: done, sending: true, owed: map[*Socket]uint64{}}
	c.pending.done = c.answered
	c.timeout.Fire = c.expire
	for _, n := range t.ns.spread() {
		id := n.ackIDs.Add(1) - 1
		f, err := n.question(id, event, args, t.flags)
		if err != nil {
			return err
		}
		n.adapter.ask(t.audience, c, id, f)
	}
	c.server.start()
	c.sent(timeout)
	return nil
}

// ask sends the event to one receiver.
func (c *collection) ask(s *Socket, id uint64, f *frame.Frame) {
	c.mu.Lock()
	c.owed[s] = id
	c.mu.Unlock()
	if err := s.awaitAck(id, &c.pending, 0); err != nil {
		c.answered(s, nil, err)
		return
	}
	s.deliver(f)
}

// collection gathers the answers to one broadcast. One entry, shared by all
// receivers, stands in their Socket.acks.
type collection struct {
	server  *Server
	pending pendingAck
	timeout deadline.Entry
	done    func(Answers)

	mu      sync.Mutex
	sending bool               // not all receivers have been asked yet
	over    bool               // done is called, or about to be
	owed    map[*Socket]uint64 // who has not answered, with the id
	answers Answers
}

// sent ends the sending. Even what is complete already is told by the clock's
// goroutine: done must not run inside of EmitWithAck, whose caller may hold a
// lock that done takes.
func (c *collection) sent(timeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = false
	if len(c.owed) == 0 {
		timeout = 0
	}
	c.server.clock.Arm(&c.timeout, timeout)
}

// answered takes one receiver's answer, or the error for which there is none.
func (c *collection) answered(s *Socket, e *Event, err error) {
	c.mu.Lock()
	if _, owes := c.owed[s]; !owes || c.over {
		c.mu.Unlock()
		return
	}
	delete(c.owed, s)
	if err != nil {
		c.answers.Missing = append(c.answers.Missing, s.id)
	} else {
		c.answers.All = append(c.answers.All, Answer{s.id, e.Clone()})
	}
	c.over = len(c.owed) == 0 && !c.sending
	complete := c.over
	c.mu.Unlock()
	if complete {
		c.server.clock.Disarm(&c.timeout)
		c.done(c.answers)
	}
}

// expire takes the entries out of the sockets that have not answered.
func (c *collection) expire() {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over = true
	c.mu.Unlock()
	for s, id := range c.owed { // nobody changes it any more
		c.answers.Missing = append(c.answers.Missing, s.id)
		s.takeAck(id)
	}
	_ = c.server.guard(func() { c.done(c.answers) })
}
