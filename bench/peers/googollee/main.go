// Command googollee is go-socket.io offering the benchmark contract of Throng (see
// ../node/README.md). It speaks revision 3 of Engine.IO only, so clients of Socket.IO 2 measure it.
//
// It prints one line with its address when it accepts connections, and ends on SIGTERM.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	socketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"
)

func main() {
	port := flag.Int("port", 0, "on 127.0.0.1; 0 takes a free one")
	flag.Parse()
	anyOrigin := func(*http.Request) bool { return true }
	server := socketio.NewServer(&engineio.Options{
		Transports: []transport.Transport{&polling.Transport{CheckOrigin: anyOrigin}, &websocket.Transport{CheckOrigin: anyOrigin}},
	})
	server.OnConnect("/", func(socketio.Conn) error { return nil })
	// Arguments stay the JSON that they came as: nothing in the data may change.
	// Only a handler that returns something acknowledges.
	server.OnEvent("/", "join", func(c socketio.Conn, room string) string { c.Join(room); return "" })
	server.OnEvent("/", "leave", func(c socketio.Conn, room string) string { c.Leave(room); return "" })
	server.OnEvent("/", "echo", func(_ socketio.Conn, data json.RawMessage) json.RawMessage { return data })
	// There is no broadcast without the sender, so that only scenarios whose messages are for all
	// can be run.
	server.OnEvent("/", "room", func(_ socketio.Conn, room, event string, data json.RawMessage) {
		server.BroadcastToRoom("/", room, event, data)
	})
	server.OnEvent("/", "all", func(_ socketio.Conn, event string, data json.RawMessage) {
		server.BroadcastToNamespace("/", event, data)
	})
	server.OnError("/", func(socketio.Conn, error) {})
	go func() { log.Fatal(server.Serve()) }()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/socket.io/", server)
	fmt.Printf("listening on http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, nil))
}
