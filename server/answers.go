package server

import (
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
)

// Answer is what one receiver of a broadcast answered.
type Answer struct {
	From  string // id of the socket; "" if it is on another server
	Event *Event // for Bind and Raw; it stays valid
}

// NewAnswer is for adapters: what a socket of another server has answered, or another server. args
// and attachments are in the encoding of p, and are kept.
func NewAnswer(p socketio.Parser, args []byte, attachments [][]byte) Answer {
	return Answer{Event: &Event{args: args, attachments: attachments, elsewhere: &elsewhere{parser: p}}}
}

// Answers is what came back from a broadcast.
type Answers struct {
	All     []Answer // in the order in which they came
	Missing []string // the ids of receivers on this server that did not answer, in no order
	// Elsewhere is how many answers did not come from other servers, where each server that did not
	// say how many it owes counts once.
	Elsewhere int
}

// EmitWithAck sends an event to the sockets of t and calls done once: when all of them have
// answered, left, or owe too many answers already, or when the timeout has passed. With no
// receivers that is at once. done runs on a goroutine of the server and must not block. An error of
// EmitWithAck itself is one of Emit, and done is not called then.
func (t Target) EmitWithAck(timeout time.Duration, done func(Answers), event string, args ...any) error {
	t.ns.outgoing(t, event, args)
	m := Message{message{event: event, args: args}}
	acks := newAcks(t.ns.server, timeout, done)
	for _, n := range t.ns.spread() {
		t.ns = n
		if err := t.adapter().Ask(t, m, acks); err != nil {
			acks.expire(false)
			return err
		}
	}
	acks.sent()
	return nil
}

// Ask is for adapters: it sends an event that another server has asked them to send, to the sockets
// of t on this server, and calls asked, before it returns, with their number, and answered for each
// answer that comes within the timeout.
func (t Target) Ask(m Message, timeout time.Duration, asked func(sockets int), answered func(Answer)) error {
	acks := newAcks(t.ns.server, timeout, nil)
	acks.each = answered
	if err := t.ns.local.Ask(t, m, acks); err != nil {
		asked(0)
		return err
	}
	asked(acks.asked)
	acks.sent()
	return nil
}

// Acks gathers the answers to one broadcast. Adapters report to it what other servers owe and
// answer, in any order and from any goroutine.
type Acks struct {
	// Of the sockets of this server, one entry shared by all stands in their Socket.acks.
	pending pendingAck
	server  *Server
	clock   deadline.Entry
	timeout time.Duration
	done    func(Answers) // nil: each is what counts
	ended   []func(missing int)
	each    func(Answer) // for each answer, in place of Answers.All; or nil

	mu      sync.Mutex
	asked   int
	sending bool               // not all receivers have been asked yet
	over    bool               // done is called, or about to be
	owed    map[*Socket]uint64 // sockets that have not answered, with the id
	servers int                // that have not said yet how many answers they owe
	remote  int                // answers that they owe; below 0 if these are faster than the number
	answers Answers
}

func newAcks(s *Server, timeout time.Duration, done func(Answers)) *Acks {
	a := &Acks{server: s, timeout: timeout, done: done, sending: true, owed: map[*Socket]uint64{}}
	a.pending.done = a.answered
	a.clock.Fire = func() { a.expire(true) }
	return a
}

// Timeout returns how long answers are waited for.
func (a *Acks) Timeout() time.Duration { return a.timeout }

// OnEnd calls f once, when nothing is awaited any more, with the number of answers that did not
// come from other servers (Answers.Elsewhere). f must not block. Call OnEnd before anything is
// expected.
func (a *Acks) OnEnd(f func(missing int)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, f)
}

// ExpectServers says that n more servers are asked, of which each will say how many answers it
// owes.
func (a *Acks) ExpectServers(n int) { a.change(func() { a.servers += n }) }

// ServerOwes is what one of these servers says.
func (a *Acks) ServerOwes(answers int) {
	a.change(func() {
		a.servers--
		a.remote += answers
	})
}

// ExpectAnswers announces n answers from other servers.
func (a *Acks) ExpectAnswers(n int) { a.change(func() { a.remote += n }) }

// Answer is one of them; see NewAnswer. Answers after the end are dropped.
func (a *Acks) Answer(answer Answer) {
	a.change(func() {
		a.remote--
		a.answers.All = append(a.answers.All, answer)
	})
}

// change changes what is awaited, and calls the waiting function after the last answer.
func (a *Acks) change(f func()) {
	a.mu.Lock()
	if a.over {
		a.mu.Unlock()
		return
	}
	f()
	a.over = a.complete()
	over := a.over
	a.mu.Unlock()
	if over {
		a.server.clock.Disarm(&a.clock)
		a.tell()
	}
}

func (a *Acks) complete() bool {
	return !a.sending && len(a.owed) == 0 && a.servers <= 0 && a.remote <= 0
}

func (a *Acks) tell() {
	a.answers.Elsewhere = max(0, a.servers) + max(0, a.remote)
	for _, f := range a.ended {
		f(a.answers.Elsewhere)
	}
	if a.done != nil {
		_ = a.server.guard(func() { a.done(a.answers) })
	}
}

// ask sends the event to one receiver.
func (a *Acks) ask(s *Socket, id uint64, f *frame.Frame) {
	a.mu.Lock()
	a.owed[s] = id
	a.asked++
	a.mu.Unlock()
	if err := s.awaitAck(id, &a.pending, 0); err != nil {
		a.answered(s, nil, err)
		return
	}
	s.deliver(f)
}

// sent ends the sending. Even a complete result is reported on the clock's goroutine: done must not
// run inside of EmitWithAck, whose caller may hold a lock that done takes.
func (a *Acks) sent() {
	a.server.start()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sending = false
	timeout := a.timeout
	if a.complete() {
		timeout = 0
	}
	a.server.clock.Arm(&a.clock, timeout)
}

// answered takes one receiver's answer, or the error for which there is none.
func (a *Acks) answered(s *Socket, e *Event, err error) {
	tell := false
	a.change(func() {
		if _, owes := a.owed[s]; !owes {
			return
		}
		delete(a.owed, s)
		switch {
		case err != nil:
			a.answers.Missing = append(a.answers.Missing, s.id)
		case a.each != nil:
			tell = true
		default:
			a.answers.All = append(a.answers.All, Answer{s.id, e.Clone()})
		}
	})
	if tell {
		_ = a.server.guard(func() { a.each(Answer{s.id, e.Clone()}) })
	}
}

// expire takes the entries out of the sockets that have not answered. Without tell the caller of
// EmitWithAck has got an error.
func (a *Acks) expire(tell bool) {
	a.mu.Lock()
	if a.over {
		a.mu.Unlock()
		return
	}
	a.over = true
	a.mu.Unlock()
	for s, id := range a.owed { // it does not change any more
		a.answers.Missing = append(a.answers.Missing, s.id)
		s.takeAck(id)
	}
	if !tell {
		a.done = nil
	}
	a.tell()
}
