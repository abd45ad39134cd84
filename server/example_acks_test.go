package server_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/throng-io/throng/server"
)

// A client that emits with an acknowledgement waits for the answer: what was
// asked for, or why not.
func ExampleEvent_Ack() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	stock := map[string]int{"tea": 2}
	srv.On("order", func(_ *server.Socket, e *server.Event) error {
		var what string
		var count int
		if err := e.Bind(&what, &count); err != nil {
			return errors.Join(err, e.Ack(map[string]any{"error": "what, and how many?"}))
		}
		if count > stock[what] {
			return e.Ack(map[string]any{"error": "sold out"})
		}
		return e.Ack(map[string]any{"ok": true})
	})
	failed := make(chan string, 1)
	srv.OnError(func(_ *server.Socket, e *server.Event, err error) { failed <- fmt.Sprint(e.Name(), ": ", err) })

	site := run(srv)
	defer site.stop()
	c := site.connect("40")
	for i, order := range []string{`"tea",1`, `"tea",9`, `"tea","many"`} {
		c.say(fmt.Sprintf(`42%d["order",%s]`, i, order))
		fmt.Println(c.hear())
	}
	fmt.Println(<-failed)
	// Output:
	// 430[{"ok":true}]
	// 431[{"error":"sold out"}]
	// 432[{"error":"what, and how many?"}]
	// order: argument 2: json: cannot unmarshal string into Go value of type int
}

// A handler of typed values decodes and encodes nothing by itself. What it returns is the answer.
func ExampleHandle() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	type order struct {
		What  string `json:"what"`
		Count int    `json:"count"`
	}
	type bill struct {
		Cents int `json:"cents"`
	}
	price := map[string]int{"tea": 250}
	srv.On("order", server.Handle(func(_ *server.Socket, o order) (bill, error) {
		if price[o.What] == 0 {
			return bill{}, fmt.Errorf("there is no %s", o.What)
		}
		return bill{o.Count * price[o.What]}, nil
	}))
	// Errors of handlers are answered here, for all events alike.
	srv.OnError(func(_ *server.Socket, e *server.Event, err error) {
		_ = e.Ack(map[string]string{"error": err.Error()}) // a string can be encoded
	})

	site := run(srv)
	defer site.stop()
	c := site.connect("40")
	for i, argument := range []string{`{"what":"tea","count":2}`, `{"what":"beer"}`, `{"count":"many"}`} {
		c.say(fmt.Sprintf(`42%d["order",%s]`, i, argument))
		fmt.Println(c.hear())
	}
	// Output:
	// 430[{"cents":500}]
	// 431[{"error":"there is no beer"}]
	// 432[{"error":"argument 1: json: cannot unmarshal string into Go struct field order.count of type int"}]
}

// The server may ask as well. A client that does not answer in time is an error,
// and so is one that leaves.
func ExampleSocket_EmitWithAck() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	done := make(chan string)
	srv.On("deploy", func(s *server.Socket, e *server.Event) error {
		var patience int
		if err := e.Bind(&patience); err != nil {
			return err
		}
		return s.EmitWithAck(time.Duration(patience)*time.Millisecond, func(answer *server.Event, err error) {
			var sure bool
			if err == nil {
				err = answer.Bind(&sure)
			}
			done <- fmt.Sprint("sure: ", sure, ", ", err)
		}, "are you sure?")
	})

	site := run(srv)
	defer site.stop()
	c := site.connect("40")
	c.say(`42["deploy",60000]`)
	fmt.Println(c.hear())
	c.say(`430[true]`)
	fmt.Println(<-done)
	c.say(`42["deploy",50]`)
	fmt.Println(c.hear()) // and does not answer
	fmt.Println(<-done)
	// Output:
	// 420["are you sure?"]
	// sure: true, <nil>
	// 421["are you sure?"]
	// sure: false, server: operation has timed out
}

// What a handler waits for ends with its socket: a query, or whatever else takes a context.
func ExampleSocket_Context() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	srv.On("watch", func(s *server.Socket, e *server.Event) error {
		if err := e.Ack(); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- context.Cause(s.Context())
		return nil
	})

	site := run(srv)
	defer site.stop()
	c := site.connect("40")
	c.say(`420["watch"]`)
	fmt.Println(c.hear())
	srv.Everyone().Disconnect(true)
	fmt.Println(<-ended)
	// Output:
	// 430[]
	// server: socket has been disconnected
}
