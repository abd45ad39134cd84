package app

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/throng-io/throng/server"
)

// apart is the time between a client's admission and its event "auth". Clients of test suites wait
// for one message after the other, and those that come in one read are lost to them: the official
// server leaves a moment between the two as well, since it writes one at a time.
const apart = 5 * time.Millisecond

// maxWait bounds how long a client may make the middleware of /slow wait, in milliseconds.
const maxWait = 10_000

// Protocol is a playground for protocol tests. On / and /custom a client gets an event "auth" with
// the payload that it joined with, a moment after the answer to its CONNECT. / has the events
//
//	message           answered by "message-back" with the same arguments, binary included
//	message-with-ack  acknowledged with its arguments
//	volatile          answered by "message-back" as a volatile event
//	ask               answered by a "question" with the same arguments, whose acknowledgement
//	                  comes back as "answer"
//	join (room)       joins a room; acknowledged
//	survey (ms, ...)  puts a "question" with the further arguments to all, waits so many
//	                  milliseconds, and is acknowledged with the first argument of each answer
//	                  and whether all have answered
//	survey-room (room, ms, ...)  is survey for a room
//	servers (ms, ...)  is survey among the other servers of a cluster; 0 asks for no answers. What
//	                  other servers so put goes to the clients of this one as "told", and is
//	                  answered with its first argument
//	sockets (room)    is acknowledged with id, rooms and data of each socket in a room
//	move (room, to)   lets the sockets of a room join another one; acknowledged
//	part (room, but)  disconnects the sockets of a room that are not in another one
//	bye (hangUp)      disconnects the client from the namespace, or altogether
//
// The middleware of /slow joins the room "early" and waits for as many milliseconds as "wait" of
// the payload says; then "joined" goes to that room. /refused refuses every client, with its
// payload.
func Protocol(srv *server.Server) {
	for _, name := range []string{"/", "/custom"} {
		srv.Of(name).OnConnect(func(s *server.Socket) {
			<-time.After(apart)
			_ = s.Emit("auth", payload(s)) // it has come as JSON: nothing to fail
		})
	}
	srv.On("message", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		s.EmitRaw("message-back", args, attachments)
		return nil
	})
	srv.On("message-with-ack", func(_ *server.Socket, e *server.Event) error {
		return e.AckRaw(e.Raw())
	})
	srv.On("ask", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		list, err := e.Parser().Values(args, attachments)
		if err != nil {
			return err
		}
		return s.EmitWithAck(time.Minute, func(answer *server.Event, err error) {
			if err != nil {
				return
			}
			args, attachments := answer.Raw()
			s.EmitRaw("answer", args, attachments)
		}, "question", list...)
	})
	srv.On("volatile", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		s.Volatile().EmitRaw("message-back", args, attachments)
		return nil
	})
	srv.On("join", withRoom(func(s *server.Socket, room string) error {
		s.Join(room)
		return nil
	}))
	srv.On("survey", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		return survey(s.Namespace().Everyone(), e, args, attachments)
	})
	srv.On("survey-room", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		first, rest := e.Parser().NextArg(args)
		room, err := text(e, first, "room")
		if err != nil {
			return err
		}
		return survey(s.Namespace().To(room), e, rest, attachments)
	})
	elsewhere(srv)
	srv.On("bye", func(s *server.Socket, e *server.Event) error {
		var hangUp bool
		_ = e.Bind(&hangUp) // anything else is no
		s.Disconnect(hangUp)
		return nil
	})
	slow := srv.Of("/slow")
	slow.Use(func(s *server.Socket) error {
		var auth struct{ Wait int }
		if err := s.Auth(&auth); err != nil {
			return err
		}
		s.Join("early")
		<-time.After(time.Duration(min(auth.Wait, maxWait)) * time.Millisecond)
		return nil
	})
	// nothing to encode
	slow.OnConnect(func(*server.Socket) { _ = slow.To("early").Emit("joined") })
	srv.Of("/refused").Use(func(s *server.Socket) error {
		return &server.ConnectError{Message: "not allowed", Data: payload(s)}
	})
}

// payload is what a client joined with, {} if that was nothing.
func payload(s *server.Socket) json.RawMessage {
	if auth := s.AuthRaw(); auth != nil {
		return auth
	}
	return json.RawMessage("{}")
}

// elsewhere adds the events of Protocol that concern the other servers of a cluster.
func elsewhere(srv *server.Server) {
	srv.On("servers", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		patience, list, err := patient(e, args, attachments)
		switch {
		case err != nil:
			return err
		case patience > 0:
			return s.Namespace().ServerSideEmitWithAck(patience, tell(e), "question", list...)
		}
		return errors.Join(s.Namespace().ServerSideEmit("question", list...), e.Ack())
	})
	srv.OnServerEvent("question", func(e *server.Event) error {
		list, err := e.Parser().Values(e.Raw())
		if err != nil {
			return err
		}
		if err := srv.Local().Emit("told", list...); err != nil || !e.WantsAck() {
			return err
		}
		return e.Ack(list[:min(1, len(list))]...)
	})
	srv.On("sockets", server.Handle(func(s *server.Socket, room string) ([]any, error) {
		all, err := s.Namespace().To(room).Fetch(context.Background()) // for Options.RequestTimeout of the adapter at most
		list := []any{}
		for _, one := range all {
			list = append(list, []any{one.ID, one.Rooms, one.Data})
		}
		return list, err
	}))
	srv.On("move", func(s *server.Socket, e *server.Event) error {
		var from, to string
		if err := e.Bind(&from, &to); err != nil {
			return err
		}
		s.Namespace().To(from).Join(to)
		return e.Ack()
	})
	srv.On("part", func(s *server.Socket, e *server.Event) error {
		var room, but string
		if err := e.Bind(&room, &but); err != nil {
			return err
		}
		s.Namespace().To(room).Except(but).Disconnect(false)
		return nil
	})
}

// survey puts a question to sockets.
func survey(to server.Target, e *server.Event, args []byte, attachments [][]byte) error {
	patience, list, err := patient(e, args, attachments)
	if err != nil {
		return err
	}
	return to.EmitWithAck(patience, tell(e), "question", list...)
}

// patient reads arguments of which the first is how many milliseconds answers are waited for.
func patient(e *server.Event, args []byte, attachments [][]byte) (patience time.Duration, rest []any, err error) {
	first, args := e.Parser().NextArg(args)
	var milliseconds int
	if err := e.Parser().Bind(first, nil, &milliseconds); err != nil {
		return 0, nil, err
	}
	rest, err = e.Parser().Values(args, attachments)
	return time.Duration(milliseconds) * time.Millisecond, rest, err
}

// tell acknowledges an event with answers, and whether they are all.
func tell(e *server.Event) func(server.Answers) {
	asked := e.Clone()
	return func(a server.Answers) {
		answers := []any{}
		for _, one := range a.All {
			var answer any
			if one.Event.Bind(&answer) == nil {
				answers = append(answers, answer)
			}
		}
		_ = asked.Ack(answers, len(a.Missing) == 0 && a.MissingRemote == 0)
	}
}
