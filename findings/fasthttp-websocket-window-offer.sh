#!/usr/bin/env bash
# github.com/fasthttp/websocket v1.5.12 on github.com/valyala/fasthttp v1.78.0, FastHTTPUpgrader.EnableCompression
#
# Guess: a client that offers permessage-deflate with server_max_window_bits=9 only (a reader with a window of
#        512 bytes) is answered with that window, or without the extension, as RFC 7692 section 7.1.2.1 asks.
# Seen:  the extension is accepted without the parameter; the server compresses with a window of 32 KiB, which
#        such a client cannot hold.
# Why:   a client on a small device ends with a broken stream on the first message above its window. A server
#        on this package has to look at the offer itself before it enables compression.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

func main() {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	upgrader := websocket.FastHTTPUpgrader{EnableCompression: true}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if err := upgrader.Upgrade(ctx, func(c *websocket.Conn) { c.Close() }); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}}
	go server.Serve(ln)
	const offer = "permessage-deflate; server_max_window_bits=9"
	conn, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: %s\r\n\r\n", offer)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		panic(err)
	}
	got := answer.Header.Get("Sec-WebSocket-Extensions")
	fmt.Printf("offered:  %s\nanswered: %d, %q\n", offer, answer.StatusCode, got)
	if !strings.HasPrefix(got, "permessage-deflate") || strings.Contains(got, "server_max_window_bits") {
		os.Exit(1)
	}
}
GO
go get github.com/valyala/fasthttp@v1.78.0 github.com/fasthttp/websocket@v1.5.12 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
