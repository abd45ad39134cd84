package server

import "sync"

// Handle returns a Handler, for On and Once, that takes and returns typed values: f gets the first
// argument of the event, decoded as by Event.Bind, and its result is the answer, if the client
// asked for one.
//
//	srv.On("join", server.Handle(func(s *server.Socket, room string) (bool, error) {
//		return s.Join(room), nil
//	}))
//
// Without an argument f gets the zero value; further arguments are ignored. What f gets is its own
// and stays valid. In and Out may be struct{} for no argument, and for an answer without one.
//
// If the argument does not fit In, f is not called. That error, and an error of f, go to OnError,
// whose function may answer the client with Event.Ack; without it there is no answer. Handlers that
// take several arguments, or answer later, use Event.Bind, Event.Clone and Event.Ack.
//
// Only the decoded values are allocated.
func Handle[In, Out any](f func(s *Socket, in In) (Out, error)) Handler {
	notNil("Handle", f != nil)
	takes, gives := count[In](), count[Out]()
	pool := sync.Pool{New: func() any {
		c := &call[In, Out]{}
		c.args[0], c.answer[0] = &c.in, &c.out
		return c
	}}
	return func(s *Socket, e *Event) error {
		c := pool.Get().(*call[In, Out])
		err := e.Bind(c.args[:takes]...)
		if err == nil {
			c.out, err = f(s, c.in)
		}
		if err == nil {
			err = e.Ack(c.answer[:gives]...)
		}
		c.in, c.out = *new(In), *new(Out) // theirs from now on
		pool.Put(c)
		return err
	}
}

// count is how many arguments a T is: none if it is struct{}.
func count[T any]() int {
	if _, none := any((*T)(nil)).(*struct{}); none {
		return 0
	}
	return 1
}

// call is what Handle needs for one event.
type call[In, Out any] struct {
	in           In
	out          Out
	args, answer [1]any // pointers to in and out
}
