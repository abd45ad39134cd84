package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// cycle is one way in which a client comes and goes.
type cycle func(t *testing.T, base string)

// cycles are the ways, clean ones and others.
func cycles() []cycle {
	reset := func(w *wire) {
		_ = w.conn.NetConn().(*net.TCPConn).SetLinger(0)
		_ = w.conn.NetConn().Close()
	}
	return []cycle{
		func(t *testing.T, base string) { // a websocket that says goodbye
			w := socketIO(t, base)
			w.send(`420["join","a"]`)
			w.expect("430[]")
			w.send("41")
			w.send("1")
			_ = w.conn.Close()
		},
		func(t *testing.T, base string) { // one that is reset in the middle of an event with attachments
			w := socketIO(t, base)
			w.send(`420["join","b"]`)
			w.expect("430[]")
			w.send(`452-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
			w.sendBinary(strings.Repeat("x", 5000))
			reset(w)
		},
		func(t *testing.T, base string) { // several namespaces, and a question that is never answered
			w := socketIO(t, base)
			w.send("40/child")
			w.expectPrefix("40/child")
			w.send(`42["ask"]`)
			w.expectPrefix("42")
			w.send("41/child")
			_ = w.conn.NetConn().Close()
		},
		func(t *testing.T, base string) { // refused by middleware, for a dynamic namespace as well
			w := open(t, base, "/socket.io/", "")
			w.send(`40{"refuse":true}`)
			w.expect(`44{"message":"refused"}`)
			w.send(`40/child2,{"refuse":true}`)
			w.expect(`44/child2,{"message":"refused"}`)
			_ = w.conn.Close()
		},
		func(t *testing.T, base string) { // polling, clean
			p := poll(t, base, "/socket.io/")
			p.post(`420["join","c"]`)
			p.post("1")
		},
		func(t *testing.T, base string) { // polling that is never heard of again, with something queued
			p := poll(t, base, "/socket.io/")
			p.post(`420["join","d"]`)
		},
		func(t *testing.T, base string) { // a poll that is dropped while it is held
			p := poll(t, base, "/socket.io/")
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "GET "+p.url[len(base):]+" HTTP/1.1\r\nHost: t\r\n\r\n")
			_ = conn.Close()
		},
		func(t *testing.T, base string) { // an upgrade, and one that breaks off
			p := poll(t, base, "/socket.io/")
			broken := open(t, base, "/socket.io/", "&sid="+p.sid)
			broken.send("2probe")
			broken.expect("3probe")
			reset(broken)
			for { // until the server has noticed
				w := open(t, base, "/socket.io/", "&sid="+p.sid)
				w.send("2probe")
				if _, data, err := w.next(); err != nil || data != "3probe" {
					continue
				}
				w.send("5")
				w.send(`420["join","e"]`)
				w.expect("430[]")
				_ = w.conn.Close()
				return
			}
		},
	}
}

// 2 000 connects and disconnects of all kinds, some at a time, leave no goroutine, session, room,
// namespace or memory behind.
func TestCyclesLeaveNothing(t *testing.T) {
	srv, err := server.New(server.Options{
		CleanupEmptyNamespaces: true, Logger: silent, Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(s *server.Socket) error {
		var auth struct{ Refuse bool }
		if s.Auth(&auth) == nil && auth.Refuse {
			return errors.New("refused")
		}
		return nil
	}
	srv.Use(refuse)
	srv.Dynamic(func(string, []byte) bool { return true }).Use(refuse)
	srv.On("join", func(s *server.Socket, e *server.Event) error {
		var room string
		if err := e.Bind(&room); err != nil {
			return err
		}
		s.Join(room)
		s.Join("of " + s.ID())
		return e.Ack()
	})
	var asked sync.WaitGroup
	srv.On("ask", func(s *server.Socket, _ *server.Event) error {
		asked.Add(1)
		return s.EmitWithAck(time.Hour, func(*server.Event, error) { asked.Done() }, "why")
	})
	base := serve(t, srv)
	open(t, base, "/socket.io/", "").conn.Close() // what is made once and kept
	run := func(total int) {
		const workers = 8
		// A test of its own, which forgets its clients when it ends.
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			var all sync.WaitGroup
			for n := range workers {
				all.Go(func() {
					for i := range total / workers {
						cycles()[(n+i)%len(cycles())](t, base)
					}
				})
			}
			all.Wait()
		})
		asked.Wait()
		eventually(t, "all is gone", func() bool {
			srv.Advance(time.Hour) // for those that are never heard of again
			st := srv.Stats()
			return st.Sessions == 0 && st.Rooms == 0 && st.Namespaces["/"] == 0 && len(st.Namespaces) == 1
		})
	}
	run(400)
	eventually(t, "few goroutines are at work", func() bool { return working() < 8 })
	before, goroutines := heap(), working()
	run(2000)
	eventually(t, "no goroutine is left", func() bool { return working() <= goroutines })
	const bound = 1 << 20 // half a kilobyte for each cycle would show
	var after uint64
	eventually(t, fmt.Sprintf("the heap is as small as before, %d bytes", before), func() bool {
		after = heap()
		return after < before+bound
	})
}

// heap is how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // pools give back what they hold in the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
