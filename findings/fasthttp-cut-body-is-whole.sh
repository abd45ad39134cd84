#!/usr/bin/env bash
# github.com/valyala/fasthttp v1.78.0, Server.StreamRequestBody
#
# Guess: a request whose connection ends before Content-Length bytes have come is an error for whoever reads
#        its body, as it is with net/http (unexpected EOF).
# Seen:  the stream of the body ends with io.EOF: what has come passes for the whole body. Without streaming,
#        and with a chunked body, the request fails.
# Why:   a handler that reads the stream to its end takes "pay 100" for a message that was "pay 1000". It has
#        to compare the length that it got with the one that was announced.
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
	"io"
	"net"
	"os"

	"github.com/valyala/fasthttp"
)

// read tells what a handler gets of a body that is cut off.
func read(header, body string) (got string, err error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &fasthttp.Server{
		StreamRequestBody: true,
		// It would otherwise read the whole of a short body before it calls the handler.
		MaxRequestBodySize: 1,
		Handler: func(ctx *fasthttp.RequestCtx) {
			var b []byte
			b, err = io.ReadAll(ctx.RequestBodyStream())
			got = string(b)
		},
	}
	go server.Serve(ln)
	conn, failed := net.Dial("tcp4", ln.Addr().String())
	if failed != nil {
		panic(failed)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s", header, body)
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn) // until the handler has returned
	return got, err
}

func main() {
	got, err := read("Content-Length: 8", "pay 100")
	fmt.Printf("Content-Length: the handler got %q, %v\n", got, err)
	_, chunked := read("Transfer-Encoding: chunked", "8\r\npay 100")
	fmt.Printf("chunked:        the handler got the error %v\n", chunked)
	if err != nil || got != "pay 100" || chunked == nil {
		os.Exit(1)
	}
}
GO
go get github.com/valyala/fasthttp@v1.78.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
