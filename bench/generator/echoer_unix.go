//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/scenario/machine"
)

// echoer asks for echoes: with a rate of 0 each client for the next when it has the last, else all
// of them in turn, so many a second and client, on a thread that sleeps as the runner's does.
func echoer(_ context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: echoer HOST:PORT CLIENTS RATE")
	}
	rate, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	payload := fmt.Appendf(nil, `420["echo",%s]`, echoData())
	// the key is zero
	request := append(websocket.Header{Opcode: websocket.Text, Final: true, Masked: true, Length: uint64(len(payload))}.Append(nil), payload...)
	if rate == 0 {
		return bare(args, in, out, func(c net.Conn, frames int64) {
			for range frames {
				_, _ = c.Write(request) // a failure shows in what is counted
			}
		}, func(all []net.Conn, _ func() bool) {
			for _, c := range all {
				_, _ = c.Write(request)
			}
		})
	}
	return bare(args, in, out, func(net.Conn, int64) {}, func(all []net.Conn, over func() bool) {
		defer machine.Precise()()
		every := time.Second / time.Duration(rate*len(all))
		for due, i := time.Now(), 0; !over(); i++ {
			if wait := time.Until(due); wait > 0 {
				machine.Sleep(wait)
			}
			due = due.Add(every)
			_, _ = all[i%len(all)].Write(request)
		}
	})
}
