package app

import (
	"encoding/json"
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
//	bye (hangUp)      disconnects the client from the namespace, or altogether
//
// The middleware of /slow joins the room "early" and waits for as many milliseconds as "wait" of
// the payload says; then "joined" goes to that room. /refused refuses every client, with its
// payload.
func Protocol(srv *server.Server) {
	for _, name := range []string{"/", "/custom"} {
		srv.Of(name).OnConnect(func(s *server.Socket) {
			auth := s.AuthRaw()
			if auth == nil {
				auth = []byte("{}")
			}
			<-time.After(apart)
			_ = s.Emit("auth", json.RawMessage(auth)) // it has come as JSON: nothing to fail
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
		return &server.ConnectError{Message: "not allowed", Data: json.RawMessage(s.AuthRaw())}
	})
}

func survey(to server.Target, e *server.Event, args []byte, attachments [][]byte) error {
	first, rest := e.Parser().NextArg(args)
	var milliseconds int
	if err := e.Parser().Bind(first, nil, &milliseconds); err != nil {
		return err
	}
	list, err := e.Parser().Values(rest, attachments)
	if err != nil {
		return err
	}
	asked := e.Clone()
	return to.EmitWithAck(time.Duration(milliseconds)*time.Millisecond, func(a server.Answers) {
		answers := []any{}
		for _, one := range a.All {
			var answer any
			if one.Event.Bind(&answer) == nil {
				answers = append(answers, answer)
			}
		}
		_ = asked.Ack(answers, len(a.Missing) == 0 && a.MissingRemote == 0)
	}, "question", list...)
}
