#!/usr/bin/env bash
# github.com/valyala/fasthttp v1.78.0
#
# Guess: an answer goes to the client when its handler returns.
# Seen:  when the next request of the same connection has arrived already (HTTP pipelining, as proxies and
#        polling clients do it), the answer stays in the write buffer until that next handler returns, too.
#        A long poll that is held for 2 s withholds the finished answer before it for 2 s.
# Why:   a Socket.IO client that sends its message (POST) and its next poll (GET) over one connection waits
#        for the answer of the POST as long as the poll is held. Setting a write deadline in the handler
#        whose answer is ready (RequestCtx.SetWriteDeadline, also to no deadline at all) forces the flush.
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
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

const held = 2 * time.Second

// firstAnswer sends two requests in one write and returns when the first answer began.
func firstAnswer(flush bool) time.Duration {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if flush {
			if err := ctx.SetWriteDeadline(time.Time{}); err != nil {
				panic(err)
			}
		}
		if string(ctx.Path()) == "/held" {
			time.Sleep(held)
		}
		ctx.SetBodyString("done")
	}}
	go server.Serve(ln)
	defer server.Shutdown()
	conn, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	began := time.Now()
	fmt.Fprint(conn, "GET /ready HTTP/1.1\r\nHost: a\r\n\r\nGET /held HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := bufio.NewReader(conn).ReadByte(); err != nil {
		panic(err)
	}
	return time.Since(began).Round(100 * time.Millisecond)
}

func main() {
	plain, flushed := firstAnswer(false), firstAnswer(true)
	fmt.Printf("first of two pipelined answers, the second held for %v: after %v\n", held, plain)
	fmt.Printf("with SetWriteDeadline(time.Time{}) in the handlers:       after %v\n", flushed)
	if plain < held || flushed >= held {
		os.Exit(1)
	}
}
GO
go get github.com/valyala/fasthttp@v1.78.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
