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
	return Answer{Event: &Event{args: args, attachments: attachments, remoteOrigin: &remoteOrigin{parser: p}}}
}

// Answers are the answers to a broadcast.
type Answers struct {
	All     []Answer // in the order in which they came
	Missing []string // the ids of receivers on this server that did not answer, in no order
	// MissingRemote is how many answers from other servers are missing. A server that did not say
	// how many it would send counts once.
	MissingRemote int
}

// EmitWithAck sends an event to the sockets of t and calls done once: when all of them have
// answered, left, or owe too many answers already, or when the timeout has passed, or the server
// has shut down. With no receivers that is at once. done runs on a goroutine of the server and must
// not block. An error of EmitWithAck itself is one of Emit, and done is not called then.
func (t Target) EmitWithAck(timeout time.Duration, done func(Answers), event string, args ...any) error {
	notNil("EmitWithAck", done != nil)
	t.ns.outgoing(t, event, args)
	m := Message{m: message{event: event, args: args}}
	acks := newAcks(t.ns.server, timeout, done)
	if t.early() != nil {
		t.local = true // adapters do not know the socket yet
	} else {
		t = t.audienceOnly()
	}
	for _, n := range t.ns.concrete() {
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
	notNil("Ask", asked != nil && answered != nil)
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
	servers int                // that have not said yet how many answers they will send
	remote  int                // answers expected of them; below 0 if answers come before their number
	unknown int                // numbers that are not known yet, of servers or of answers
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

// OnEnd calls f once, when no answer is awaited any more, with the number of answers from other
// servers that are missing (Answers.MissingRemote). f must not block. Call OnEnd before anything is
// expected.
func (a *Acks) OnEnd(f func(missing int)) {
	notNil("OnEnd", f != nil)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, f)
}

// ExpectServers announces n more servers, each of which will say how many answers it sends; see
// ExpectFromServer. A negative n takes an earlier announcement back.
func (a *Acks) ExpectServers(n int) { a.change(func() { a.servers += n }) }

// ExpectFromServer is what one of these servers says.
func (a *Acks) ExpectFromServer(answers int) {
	a.change(func() {
		a.servers--
		a.remote += answers
	})
}

// ExpectAnswers announces n more answers from other servers. A negative n takes an earlier
// announcement back.
func (a *Acks) ExpectAnswers(n int) { a.change(func() { a.remote += n }) }

// ExpectUnknown announces n more numbers, of servers or of answers, that are not known yet: the
// wait goes on until a negative n takes them back, after the numbers have been announced. One that
// is still unknown when the time is over counts as one missing answer.
func (a *Acks) ExpectUnknown(n int) { a.change(func() { a.unknown += n }) }

// Answer adds an answer from another server; see NewAnswer. Answers after the end are dropped.
func (a *Acks) Answer(answer Answer) {
	a.change(func() {
		a.remote--
		a.answers.All = append(a.answers.All, answer)
	})
}

// change changes what is awaited, and ends the wait if that was the last answer.
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
	return !a.sending && len(a.owed) == 0 && a.servers <= 0 && a.remote <= 0 && a.unknown <= 0
}

func (a *Acks) tell() {
	a.answers.MissingRemote = max(0, a.servers) + max(0, a.remote) + max(0, a.unknown)
	for _, f := range a.ended {
		f(a.answers.MissingRemote)
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
	if !a.server.clock.Arm(&a.clock, timeout) { // the server has shut down
		go a.expire(true)
	}
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
