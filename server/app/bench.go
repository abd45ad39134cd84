package app

import (
	"errors"
	"fmt"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// Bench is the benchmark contract: what a server must do for the scenarios to run against it.
//
//	join  (room)                        joins a room                         ack: ()
//	leave (room)                        leaves it                            ack: ()
//	echo  (args...)                     answers by ack with the same args, or, if no ack
//	                                    is asked for, by an event "echo" with them
//	typed ({p: string})                 the same as echo, with ack, but the argument is
//	                                    decoded and encoded anew, as an application's is
//	room  (room, event, data, others?, volatile?)
//	                                    emits event with data to the room    ack: ()
//	all   (event, data, others?, volatile?)
//	                                    the same to all of the namespace     ack: ()
//	tick  (event, data, period, count)  emits event with data to the sender count times,
//	                                    every period of milliseconds, in place of an
//	                                    earlier tick                         ack: ()
//
// A message goes to the sender as well unless others is true, and may be dropped at receivers that
// cannot take it at once if volatile is true. An ack says that the request has been carried out.
// Any namespace that a client names is served alike.
func Bench(srv *server.Server) {
	bench(srv.Namespace)
	bench(srv.Dynamic(func(string, []byte) bool { return true }))
}

func bench(ns *server.Namespace) {
	ns.On("join", withRoom(func(s *server.Socket, room string) error {
		if !s.Join(room) && s.Connected() {
			return fmt.Errorf("a room with a name of %d bytes is beyond the limits of a client", len(room))
		}
		return nil
	}))
	ns.On("leave", withRoom(func(s *server.Socket, room string) error {
		s.Leave(room)
		return nil
	}))
	ns.On("echo", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		if e.WantsAck() {
			return e.AckRaw(args, attachments)
		}
		s.EmitRaw("echo", args, attachments)
		return nil
	})
	ns.On("typed", server.Handle(func(_ *server.Socket, m padded) (padded, error) { return m, nil }))
	ns.On("room", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		room, rest := e.Parser().NextArg(args)
		name, err := text(e, room, "room")
		if err != nil {
			return err
		}
		return relay(e, s.Namespace().To(name), s.To(name), rest, attachments)
	})
	ns.On("all", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		return relay(e, s.Namespace().Everyone(), s.Broadcast(), args, attachments)
	})
	ns.On("tick", func(s *server.Socket, e *server.Event) error {
		t, err := parseTick(e)
		if err != nil {
			return err
		}
		running, _ := s.Data.(*ticker)
		if running == nil {
			running = &ticker{}
			s.Data = running
		}
		running.start(s, t)
		return e.Ack()
	})
	ns.OnDisconnect(func(s *server.Socket, _ string) {
		if running, ok := s.Data.(*ticker); ok {
			running.stop()
		}
	})
}

// padded is the data of the fan-out benchmark.
type padded struct {
	P string `json:"p"`
}

// withRoom is the handler of an event with the name of a room, which is answered when do has done
// its work.
func withRoom(do func(s *server.Socket, room string) error) server.Handler {
	return server.Handle(func(s *server.Socket, room string) (struct{}, error) {
		if room == "" {
			return struct{}{}, errors.New("the name of the room is missing")
		}
		return struct{}{}, do(s, room)
	})
}

// relay carries out (event, data, others?, volatile?) of args. The data is passed on as it came:
// decoding it would measure the JSON library, not the server.
func relay(e *server.Event, all, others server.Target, args []byte, attachments [][]byte) error {
	parser := e.Parser()
	event, rest := parser.NextArg(args)
	name, err := text(e, event, "event")
	if err != nil {
		return err
	}
	data, rest := parser.NextArg(rest)
	var without, volatile bool
	ignored := false
	for _, word := range []*bool{&without, &volatile} {
		var arg []byte
		if arg, rest = parser.NextArg(rest); len(arg) > 0 {
			ignored = parser.Bind(arg, nil, word) != nil || ignored // anything else is no
		}
	}
	if (ignored || len(rest) > 0) && len(attachments) > 0 {
		// A receiver could not read a packet with attachments that no argument of it refers to.
		return errors.New("attachments may only be in data; leave out other arguments than others and volatile, which are true or false")
	}
	to := all
	if without {
		to = others
	}
	if volatile {
		to = to.Volatile()
	}
	to.EmitRaw(name, data, attachments)
	return e.Ack()
}

// text decodes an argument that must be a string that is not empty.
func text(e *server.Event, arg []byte, what string) (string, error) {
	var s string
	if err := e.Parser().Bind(arg, nil, &s); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if s == "" {
		return "", fmt.Errorf("%s: a name is missing", what)
	}
	if what == "event" && socketio.Reserved(s) {
		return "", fmt.Errorf("event name %q is reserved", s)
	}
	return s, nil
}
