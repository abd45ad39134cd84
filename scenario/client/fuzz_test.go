package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// wire is a connection that plays bytes, step bytes a read, and takes none.
type wire struct {
	net.Conn
	in   []byte
	step int
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), w.step)], w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Close() error                     { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// messages reads all messages of the input.
func messages(in []byte, step int) (log []string) {
	const limit = 300
	c := &Client{namespaces: []string{"/"}, maxMessage: limit}
	link := newConn(&wire{in: bytes.Clone(in), step: step}, nil, &c.bytes)
	w := newWebsocket(c, link)
	w.closed = true // what it would answer is not the matter here
	for {
		opcode, payload, err := w.next()
		if err != nil {
			return append(log, fmt.Sprint(err))
		}
		if len(payload) > limit {
			return append(log, "above the limit")
		}
		log = append(log, fmt.Sprintf("%d %x", opcode, payload))
	}
}

// The messages read do not depend on how the bytes are split, and none exceeds the limit.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{
		text("40") + text(`42["a"]`), frame(0x01, "4") + frame(0x89, "p") + frame(0x80, "2"),
		frame(0x82, strings.Repeat("x", 200)), frame(0x88, "\x03\xe8bye"), "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a",
		frame(0x02, strings.Repeat("x", 200)) + frame(0x00, strings.Repeat("y", 99)) + frame(0x80, "zz"), "\xc1\x00", "\x81\x80",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want := messages(in, len(in)+1)
		for _, step := range []int{1, 3} {
			if got := messages(in, step); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("by %d bytes:\n%q\nat once:\n%q", step, got, want)
			}
		}
		for _, line := range want {
			if line == "above the limit" {
				t.Fatal(line)
			}
		}
	})
}

// responses reads all answers of the input.
func responses(in []byte, step int) (log []string) {
	const limit = 300
	rd := newReader(newConn(&wire{in: bytes.Clone(in), step: step}, nil, &traffic{}))
	for {
		res, err := readResponse(rd, limit, anyStatus)
		if _, broken := errors.AsType[httpError](err); broken {
			// Which of two faults is found first may depend on the cut.
			return append(log, "broken")
		}
		if err != nil {
			return append(log, "end")
		}
		if len(res.body) > limit {
			return append(log, "above the limit")
		}
		log = append(log, fmt.Sprintf("%d %v %v %q %q", res.status, res.close, res.keepAlive, res.fields, res.body))
	}
}

func FuzzResponses(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 No\r\n\r\n",
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: max=1, timeout=5\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nHTTP/1.1 404 N\r\n\r\nuntil the end",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 301\r\n\r\n",
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n",
		// beyond the limit, in each form of a body
		"HTTP/1.1 200 OK\r\nContent-Length: 301\r\n\r\n" + strings.Repeat("x", 301),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(strings.Repeat("x", 301), 100) + "0\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("x", 301),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want := responses(in, len(in)+1)
		for _, step := range []int{1, 3} {
			got := responses(in, step)
			last := len(got) - 1
			if last < len(want)-1 && got[last] == "broken" || last == len(want)-1 && (got[last] == "broken") != (want[last] == "broken") {
				continue // a fault or the end: the missing bytes decide
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("by %d bytes:\n%q\nat once:\n%q", step, got, want)
			}
		}
		if want[len(want)-1] == "above the limit" {
			t.Fatal("body above the limit")
		}
	})
}
