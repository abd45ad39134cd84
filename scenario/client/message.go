package client

import (
	"time"
)

// Message is one event or acknowledgement as it arrived. It and everything it
// points to are valid until the handler returns: copy what must live longer.
type Message struct {
	// the event's name without quotes, as it stands in the JSON; nil for an acknowledgement and for
	// a message of bare Engine.IO
	Name        []byte
	Args        []byte   // raw list of the arguments in the client's parser, e.g. `1,{"a":2}`; empty without arguments; of bare Engine.IO the text
	Space       int      // the namespace: 0 for Config.Namespace, then Config.More in order
	Attachments [][]byte // binary attachments in order
	// of the acknowledgement, or of the one the sender of the event asks for
	ID uint64
	// an event with an ID asks for an acknowledgement; an acknowledgement always has one, but for
	// Events
	HasID  bool
	Status int           // of the HTTP answer that acknowledges a request of Events
	Err    error         // why such a request has none
	At     time.Duration // when the read that brought it returned, on the clock of Now

	// Woke is for the handler to set when it has woken a goroutine that goes on because of the
	// message: Readers then let it run before they read on.
	Woke bool

	// It reached the client's socket between From and Until, on the same clock. They are equal
	// unless more than one message was read at once. Both are 0 where the system does not report
	// arrival times: only Linux does, over TCP without TLS.
	From, Until time.Duration
}

// Handler receives a client's events and acknowledgements. Its methods are called one at a time, on
// the goroutine that called [Client.Run], in the order of arrival. They may call Send and Close;
// while they run nothing more is read.
type Handler interface {
	Event(m *Message)
	Ack(m *Message)
}
