package server

import (
	"bytes"
	"errors"
	"slices"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/frame"
)

// Event is something that a client emitted, or its answer to something that the server emitted, or
// something that another server emitted. It is valid until the function that got it returns: for
// later there is Clone.
type Event struct {
	socket       *Socket
	name         []byte
	args         []byte // in the encoding of the parser
	attachments  [][]byte
	id           uint64
	wantsAck     bool
	acked        bool
	over         bool          // the function that got it has returned
	remoteOrigin *remoteOrigin // of what came from another server, which has no socket
}

// remoteOrigin is what an event of another server has in place of a socket.
type remoteOrigin struct {
	parser socketio.Parser
	reply  func(args []byte, attachments [][]byte)
}

// Name returns the name of the event; of an answer, and of an event that is over, "".
func (e *Event) Name() string { return string(e.name) }

// Bind decodes the arguments into what dst points to, in order, as encoding/json would, with every
// parser; binary data is found wherever []byte or any stands. A nil dst skips an argument, missing
// arguments leave theirs as it was, and superfluous ones are ignored. The error names the argument
// that does not fit. The decoded values are the caller's own and stay valid.
func (e *Event) Bind(dst ...any) error {
	if e.over {
		return ErrEventOver
	}
	return e.Parser().Bind(e.args, e.attachments, dst...)
}

// Raw returns the arguments in the encoding of the parser, and their attachments: of JSON values
// with commas between them, in which attachments are placeholders; of MessagePack one value behind
// the other, and no attachments. They must not be changed, and are valid as long as the event; of
// one that is over there are none.
func (e *Event) Raw() (args []byte, attachments [][]byte) { return e.args, e.attachments }

// Parser returns the parser of the server, which reads what Raw returns.
func (e *Event) Parser() socketio.Parser {
	if e.remoteOrigin != nil {
		return e.remoteOrigin.parser
	}
	return e.socket.ns.server.opts.Parser
}

// WantsAck reports whether the client waits for an answer.
func (e *Event) WantsAck() bool { return e.wantsAck && !e.acked }

// Errors of a function that uses its event in another way than it may.
var (
	// ErrAcked is returned for a second answer to one event.
	ErrAcked = errors.New("server: event is acknowledged already")
	// ErrEventOver is returned when the function that got an event of a client has returned: what
	// is in it by then, or soon, is the next one.
	ErrEventOver = errors.New("server: the handler of the event has returned; read or answer a Clone of it")
)

// Ack answers the event. It does nothing if the client did not ask for it. Only the first answer is
// sent. To answer after the handler has returned, Clone the event and answer the clone, once.
func (e *Event) Ack(args ...any) error {
	if answer, err := e.answers(); !answer {
		return err
	}
	if e.remoteOrigin != nil {
		raw, attachments, err := e.Parser().AppendArgs(nil, nil, args...)
		if err != nil {
			return err
		}
		return e.AckRaw(raw, attachments)
	}
	n, b := e.socket.ns, builders.Get().(*frame.Builder)
	defer builders.Put(b)
	text, attachments, err := n.server.opts.Parser.AppendAck(b.Text(), n.name, e.id, args...)
	if err == nil {
		e.answer(b, text, attachments)
	}
	return err
}

// answers reports whether the event can be answered.
func (e *Event) answers() (bool, error) {
	switch {
	case e.over:
		return false, ErrEventOver
	case !e.wantsAck:
		return false, nil
	case e.acked:
		return false, ErrAcked
	}
	return true, nil
}

// AckRaw answers the event with arguments in the form of Raw: a relay need not decode what it
// passes on.
func (e *Event) AckRaw(args []byte, attachments [][]byte) error {
	if answer, err := e.answers(); !answer {
		return err
	}
	if e.remoteOrigin != nil {
		e.acked = true
		e.remoteOrigin.reply(args, attachments)
		return nil
	}
	n, b := e.socket.ns, builders.Get().(*frame.Builder)
	defer builders.Put(b)
	e.answer(b, n.server.opts.Parser.AppendRawAck(b.Text(), n.name, e.id, args, len(attachments)), attachments)
	return nil
}

// answer sends an encoded answer, whose text is of b. As a rule nothing is before it, and it goes
// out from b's memory.
func (e *Event) answer(b *frame.Builder, text []byte, attachments [][]byte) {
	e.acked = true
	s, n := e.socket, e.socket.ns
	if h := s.member(); h != nil && n.recoverer == nil && n.server.opts.Codec == nil && len(attachments) == 0 &&
		h.Write(b.Wire(text, n.server.opts.Parser.IsBinary()), 1) {
		return
	}
	s.deliver(n.server.frame(b, text, attachments, flags{}))
}

// Clone returns a copy that stays valid. Of an event that is over nothing is left to copy.
func (e *Event) Clone() *Event {
	c := *e
	c.name, c.args = bytes.Clone(e.name), bytes.Clone(e.args)
	c.attachments = slices.Clone(e.attachments)
	for i, a := range c.attachments {
		c.attachments[i] = bytes.Clone(a)
	}
	return &c
}
