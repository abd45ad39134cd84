package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// oneConnection is a listener that accepts one.
type oneConnection chan net.Conn

func (l oneConnection) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneConnection) Close() error   { return nil }
func (l oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// A connection ends that asks nothing more, and one that never asks.
func TestIdleConnectionsEnd(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			l := make(oneConnection, 1)
			l <- far
			close(l)
			go func() { _ = httpServer(http.NotFoundHandler()).Serve(l) }()
			go func() { _, _ = io.WriteString(near, request) }()
			if _, err := io.ReadAll(bufio.NewReader(near)); err != nil {
				t.Error(err)
			}
		})
	}
}
