#!/usr/bin/env bash
# github.com/googollee/go-socket.io v1.7.0 (Go), socket.io-client 2.5.0 (npm)
#
# Guess: when a client asks for an acknowledgement, go-socket.io sends it as soon as the handler of the event has
#        returned, with the handler's results if it has any and empty otherwise, as the protocol allows.
# Seen:  a handler without results is called and never acknowledged; the client's callback waits for ever. A
#        handler of the same event that returns a value is acknowledged.
# Why:   joining a room is such an event. A load test that waits for the acknowledgement before it sends, as one
#        should, sends nothing to a server of this kind and finds no error either: only a time-out tells.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
go mod init finding >/dev/null 2>&1
go get github.com/googollee/go-socket.io@v1.7.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io-client@2.5.0 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net"
	"net/http"

	socketio "github.com/googollee/go-socket.io"
)

func main() {
	server := socketio.NewServer(nil)
	server.OnConnect("/", func(socketio.Conn) error { return nil })
	server.OnEvent("/", "silent", func(c socketio.Conn, room string) { c.Join(room); fmt.Println("called with", room) })
	server.OnEvent("/", "saying", func(c socketio.Conn, room string) string { c.Join(room); return "" })
	go server.Serve()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.Handle("/socket.io/", server)
	fmt.Println(l.Addr())
	panic(http.Serve(l, nil))
}
GO
go build -o finding . 2>go.log || { cat go.log >&2; exit 2; }
./finding >server.log 2>/dev/null &
server=$!
for _ in $(seq 100); do [ -s server.log ] && break; sleep 0.1; done
cat >finding.js <<'JS'
const io = require("socket.io-client");
const client = io("http://" + process.argv[2], {reconnection: false, transports: ["websocket"]});
// asked resolves to what an event is acknowledged with, within five seconds.
const asked = (event) => new Promise((done) => {
  const late = setTimeout(() => done("no acknowledgement within 5 s"), 5000);
  client.emit(event, "lobby", (...args) => { clearTimeout(late); done("acknowledged with " + JSON.stringify(args)); });
});
client.on("connect", async () => {
  const saying = await asked("saying");
  const silent = await asked("silent");
  console.log("handler that returns a string:", saying);
  console.log("handler that returns nothing: ", silent);
  client.close();
  process.exit(saying.startsWith("acknowledged") && silent.startsWith("no ") ? 0 : 1);
});
JS
timeout 60 node finding.js "$(head -n 1 server.log)" && code=0 || code=$?
grep called server.log || exit 1
exit "$code"
