//go:build unix

package client

import (
	"bytes"
	"net"
	"testing"
)

// While a connection is being set up it borrows a small buffer, which grows with what comes; then a
// large one. No byte gets lost on the way.
func TestBuffersOfAConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	tcp, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	rd := newReader(newConn(tcp, rawConn(tcp), &traffic{}))
	comes := func(n, size int) {
		t.Helper()
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i % 251)
		}
		if _, err := server.Write(want); err != nil {
			t.Fatal(err)
		}
		for len(rd.unread()) < n {
			if err := rd.fill(); err != nil {
				t.Fatal(err)
			}
		}
		if len(rd.buf) != size {
			t.Errorf("%d bytes are in a buffer of %d, want %d", n, len(rd.buf), size)
		}
		rd.park() // with what is unread
		if !bytes.Equal(rd.unread(), want) {
			t.Errorf("%d bytes are not what came", n)
		}
		rd.consume(n)
		rd.park()
	}
	comes(100, ownSize)
	comes(6000, 2*ownSize)
	comes(100, ownSize)
	rd.dials = false
	comes(100, readSize)
	if rd.release(); rd.buf != nil {
		t.Error("a buffer is kept")
	}
}
