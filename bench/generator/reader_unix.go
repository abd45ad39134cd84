//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/protocol/websocket"
)

// used is what the bare reader has done so far.
type used struct {
	Frames int64         `json:"frames"`
	CPU    time.Duration `json:"cpu"`
}

// reader only reads.
func reader(_ context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: reader HOST:PORT CLIENTS")
	}
	return bare(args, in, out, func(net.Conn, int64) {}, func([]net.Conn, func() bool) {})
}

// bare connects, and answers each line of input with what it has used, until the input ends. answer
// is called with the frames that a read has brought, and begin when all are connected; it goes on
// until over.
func bare(args []string, in io.Reader, out io.Writer, answer func(net.Conn, int64), begin func(all []net.Conn, over func() bool)) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var frames atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	conns := make([]net.Conn, 0, n)
	defer func() {
		over.Store(true)
		for _, c := range conns {
			_ = c.Close()
		}
		all.Wait()
	}()
	for range n {
		c, err := connect(args[0])
		if err != nil {
			return err
		}
		conns = append(conns, c)
		all.Go(func() { count(c, &frames, answer) })
	}
	all.Go(func() { begin(conns, over.Load) })
	answers := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			return err
		}
		cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		if err := answers.Encode(used{Frames: frames.Load(), CPU: cpu}); err != nil {
			return err
		}
	}
	return nil
}

// connect opens a websocket and joins the main namespace.
func connect(address string) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", address)
	if err == nil {
		// the key is zero
		_, err = c.Write(append(websocket.Header{Opcode: websocket.Text, Final: true, Masked: true, Length: 2}.Append(nil), "40"...))
	}
	var got []byte
	for err == nil && !bytes.Contains(got, []byte(`40{"sid"`)) {
		b := make([]byte, 1024)
		var n int
		n, err = c.Read(b)
		got = append(got, b[:n]...)
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("joining: %w", err)
	}
	return c, nil
}

// count reads frames, counts and answers them.
func count(c net.Conn, frames *atomic.Int64, answer func(net.Conn, int64)) {
	buf := make([]byte, 4096)
	have := 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		at, whole := 0, int64(0)
		for {
			size := frameSize(buf[at:have])
			if size == 0 || at+size > have {
				break
			}
			at += size
			whole++
		}
		have = copy(buf, buf[at:have])
		frames.Add(whole)
		answer(c, whole)
	}
}

// frameSize is the length of the frame that b begins with; 0 while it cannot be told.
func frameSize(b []byte) int {
	h, size := websocket.ParseHeader(b)
	if size == 0 {
		return 0
	}
	return size + int(h.Length)
}
