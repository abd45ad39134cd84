#!/usr/bin/env bash
# github.com/valyala/fasthttp v1.78.0, Server.StreamRequestBody
#
# Guess: with StreamRequestBody the handler runs as soon as the headers of a request have arrived.
# Seen:  it runs only when the first min(8 KiB, Content-Length, MaxRequestBodySize) bytes of the body have
#        arrived. A client that announces 90 MB and sends three bytes gets no answer, although the handler
#        would refuse it by its Content-Length alone. MaxRequestBodySize: 1 makes it one byte, and limits
#        nothing else while the handler reads the stream itself.
# Why:   a limit that a handler of a streamed body enforces by Content-Length holds a connection until the
#        read timeout, not until the headers are known.
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
	"fmt"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// answered tells whether a request that announces 90 MB and sends three bytes is answered within patience.
func answered(limit int, patience time.Duration) bool {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &fasthttp.Server{
		StreamRequestBody:  true,
		MaxRequestBodySize: limit,
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
			ctx.SetConnectionClose()
		},
	}
	go server.Serve(ln)
	conn, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\nabc")
	conn.SetReadDeadline(time.Now().Add(patience))
	n, _ := conn.Read(make([]byte, 512))
	return n > 0
}

func main() {
	const short, long = 2 * time.Second, 20 * time.Second // the answer that comes may be slow to come
	big, one := answered(100<<20, short), answered(1, long)
	fmt.Printf("MaxRequestBodySize 100 MiB: answered within %v: %v\n", short, big)
	fmt.Printf("MaxRequestBodySize 1:       answered: %v\n", one)
	if big || !one {
		os.Exit(1)
	}
}
GO
go get github.com/valyala/fasthttp@v1.78.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
