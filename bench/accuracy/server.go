package main

import (
	"context"
	"encoding/json"
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

// serve runs a server that delays its broadcasts until the input ends. It prints its address when
// it listens, and at the end how long the broadcasts really waited.
func serve(delay string, in io.Reader, out io.Writer) error {
	d, err := time.ParseDuration(delay)
	if err != nil {
		return err
	}
	srv, err := server.New(server.Options{})
	if err != nil {
		return err
	}
	var waited waits
	srv.On("all", func(s *server.Socket, e *server.Event) error { return waited.relay(s, e, d) })
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
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	waited.last.Wait()
	if err := answers.Encode(waited.quantiles()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	return <-ended
}

// waits notes how long each broadcast waited.
type waits struct {
	mu   sync.Mutex
	all  []time.Duration
	last sync.WaitGroup
}

// relay sends an event to the others after a time.
func (w *waits) relay(s *server.Socket, e *server.Event, d time.Duration) error {
	came := time.Now()
	args, _ := e.Raw()
	name, rest := socketio.NextArg(args)
	data, _ := socketio.NextArg(rest)
	var event string
	if err := socketio.Bind(name, nil, &event); err != nil {
		return fmt.Errorf("the event's name: %w", err)
	}
	if d == 0 {
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

func (w *waits) quantiles() quantiles {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.all) == 0 {
		return quantiles{}
	}
	slices.Sort(w.all)
	at := func(p float64) int64 { return w.all[result.Rank(p, int64(len(w.all)))-1].Microseconds() }
	return quantiles{N: int64(len(w.all)), P50: at(50), P99: at(99)}
}
