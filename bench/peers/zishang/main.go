// Command zishang is a Go port of the Socket.IO server offering the benchmark contract of Throng
// (see ../node/README.md).
//
// It prints one line with its address when it accepts connections, and ends on SIGTERM.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

func main() {
	port := flag.Int("port", 0, "on 127.0.0.1; 0 takes a free one")
	flag.Parse()
	io := socket.NewServer(nil, nil)
	err := io.On("connection", func(clients ...any) { serve(io, clients[0].(*socket.Socket)) })
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/socket.io/", io.ServeHandler(nil))
	fmt.Printf("listening on http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, nil))
}

// serve answers the events of one client.
func serve(io *socket.Server, c *socket.Socket) {
	on := func(event string, do func(args []any, ack func(...any))) {
		if err := c.On(event, func(args ...any) {
			ack := func(...any) {}
			if len(args) > 0 {
				if f, is := args[len(args)-1].(socket.Ack); is {
					args, ack = args[:len(args)-1], func(answer ...any) { f(answer, nil) }
				}
			}
			do(args, ack)
		}); err != nil {
			log.Fatal(err)
		}
	}
	on("join", func(args []any, ack func(...any)) { c.Join(room(args, 0)); ack() })
	on("leave", func(args []any, ack func(...any)) { c.Leave(room(args, 0)); ack() })
	on("echo", func(args []any, ack func(...any)) { ack(args...) })
	on("room", func(args []any, ack func(...any)) {
		emit(io, c, yes(args, 3), yes(args, 4), room(args, 0), text(args, 1), args[2])
		ack()
	})
	on("all", func(args []any, ack func(...any)) {
		emit(io, c, yes(args, 2), yes(args, 3), "", text(args, 0), args[1])
		ack()
	})
}

// emit sends an event to a room, or to all where there is none.
func emit(io *socket.Server, c *socket.Socket, others, volatile bool, room socket.Room, event string, data any) {
	to := io.To()
	switch {
	case others && room != "":
		to = c.To(room)
	case others:
		to = c.Broadcast()
	case room != "":
		to = io.To(room)
	}
	if volatile {
		to = to.Volatile()
	}
	if err := to.Emit(event, data); err != nil {
		log.Print(err)
	}
}

func text(args []any, i int) string      { s, _ := args[i].(string); return s }
func room(args []any, i int) socket.Room { return socket.Room(text(args, i)) }

// yes is an optional argument.
func yes(args []any, i int) bool {
	if i >= len(args) {
		return false
	}
	is, _ := args[i].(bool)
	return is
}
