package server_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/throng-io/throng/server"
)

type point struct {
	X    int    `json:"x"`
	Note string `json:"note,omitempty"`
	Data []byte `json:"data,omitempty"`
}

// typedServer has a typed handler for each event.
func typedServer(t *testing.T) string {
	t.Helper()
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var kept [][]int
	srv.On("point", server.Handle(func(_ *server.Socket, p point) (*point, error) {
		if p.X < 0 {
			return nil, errors.New("negative")
		}
		p.X++
		return &p, nil
	}))
	srv.On("text", server.Handle(func(_ *server.Socket, s string) (string, error) { return s + "!", nil }))
	srv.On("any", server.Handle(func(_ *server.Socket, v any) (any, error) { return v, nil }))
	srv.On("pointer", server.Handle(func(_ *server.Socket, p *point) (bool, error) { return p == nil, nil }))
	srv.On("silent", server.Handle(func(s *server.Socket, _ struct{}) (struct{}, error) { return struct{}{}, s.Emit("heard") }))
	srv.On("keep", server.Handle(func(_ *server.Socket, list []int) ([][]int, error) {
		kept = append(kept, list)
		return kept, nil
	}))
	srv.Once("once", server.Handle(func(*server.Socket, int) (string, error) { return "once", nil }))
	srv.On("cannot", server.Handle(func(*server.Socket, int) (chan int, error) { return make(chan int), nil }))
	srv.OnError(func(_ *server.Socket, e *server.Event, err error) {
		_ = e.Ack(fmt.Sprint(e.Name(), ": ", err))
	})
	return serve(t, srv)
}

func TestHandle(t *testing.T) {
	w := socketIO(t, typedServer(t))
	for i, c := range []struct{ event, answer string }{
		{`"point",{"x":1,"note":"n"},"more"`, `{"x":2,"note":"n"}`},
		{`"point"`, `{"x":1}`},
		{`"point",{}`, `{"x":1}`}, // and nothing of the ones before
		{`"point",{"x":-1}`, `"point: negative"`},
		{`"point",{"x":"no"}`, `"point: argument 1: json: cannot unmarshal string into Go struct field point.x of type int"`},
		{`"text","a\u00e9"`, `"aé!"`},
		{`"text"`, `"!"`},
		{`"any",[1,{"a":null}]`, `[1,{"a":null}]`},
		{`"any",null`, `null`},
		{`"pointer",{}`, `false`},
		{`"pointer",null`, `true`},
		{`"keep",[1,2]`, `[[1,2]]`},
		{`"keep",[3,4]`, `[[1,2],[3,4]]`},
		{`"once",1`, `"once"`},
		{`"cannot",1`, `"cannot: socket.io: ack 14: argument 1: type chan int cannot be encoded as JSON"`},
	} {
		w.send(fmt.Sprintf(`42%d[%s]`, i, c.event))
		w.expect(fmt.Sprintf(`43%d[%s]`, i, c.answer))
	}
	w.send(`427["silent",1]`)
	w.expect(`42["heard"]`)
	w.expect(`437[]`)
	w.send(`42["silent"]`) // without an answer
	w.expect(`42["heard"]`)
	w.send(`428["text","x"]`)
	w.expect(`438["x!"]`)
}

func TestHandleBinary(t *testing.T) {
	w := socketIO(t, typedServer(t))
	w.send(`451-7["point",{"x":1,"data":{"_placeholder":true,"num":0}}]`)
	w.sendBinary("\x01\x02\x03")
	w.expect(`461-7[{"x":2,"data":{"_placeholder":true,"num":0}}]`)
	w.expectBinary("\x01\x02\x03")
}
