// Package delayed is a server that delays its broadcasts and knows by how much: the truth beside
// which benches put what the clients have measured.
package delayed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
)

// Quantiles of a latency, in microseconds.
type Quantiles struct {
	N   int64 `json:"n"`
	P50 int64 `json:"p50_us"`
	P99 int64 `json:"p99_us"`
}

// Serve runs a server that sends the event "all" of a client to all others after a delay, which is
// asked for anew for each, from any goroutine. It writes the server's URL as a line of JSON when it
// listens. When in ends it waits for the last broadcast, and writes a line with the Quantiles of
// the times from when an event was read until its broadcast began.
func Serve(delay func() time.Duration, in io.Reader, out io.Writer) error {
	srv, err := server.New(server.Options{})
	if err != nil {
		return err
	}
	waited := waits{delay: delay}
	srv.On("all", waited.relay)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	answers := json.NewEncoder(out)
	if err := answers.Encode("http://" + ln.Addr().String()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	waited.last.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, answers.Encode(waited.quantiles()), srv.Shutdown(ctx), <-ended)
}

// waits notes how long each broadcast waited.
type waits struct {
	delay func() time.Duration
	last  sync.WaitGroup

	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) relay(s *server.Socket, e *server.Event) error {
	came := time.Now()
	args, _ := e.Raw()
	name, rest := socketio.NextArg(args)
	data, _ := socketio.NextArg(rest)
	var event string
	if err := socketio.Bind(name, nil, &event); err != nil {
		return fmt.Errorf("the event's name: %w", err)
	}
	d := w.delay()
	if d == 0 { // without the lateness of a timer
		w.note(time.Since(came))
		s.Broadcast().EmitRaw(event, data, nil)
		return e.Ack()
	}
	data = slices.Clone(data)
	w.last.Add(1)
	time.AfterFunc(d, func() {
		defer w.last.Done()
		w.note(time.Since(came))
		s.Broadcast().EmitRaw(event, data, nil)
	})
	return e.Ack()
}

func (w *waits) note(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
}

func (w *waits) quantiles() Quantiles {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.all) == 0 {
		return Quantiles{}
	}
	slices.Sort(w.all)
	at := func(p float64) int64 { return w.all[result.Rank(p, int64(len(w.all)))-1].Microseconds() }
	return Quantiles{N: int64(len(w.all)), P50: at(50), P99: at(99)}
}
