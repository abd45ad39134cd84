package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/server"
)

// The delays of the server.
const (
	shortest = time.Millisecond
	longest  = 10 * time.Millisecond
)

// serve runs a server that delays its broadcasts until the input ends. It prints its address when
// it listens, and at the end how long the broadcasts really took from when they were read until
// they were handed to their receivers.
func serve(in io.Reader, out io.Writer) error {
	srv, err := server.New(server.Options{})
	if err != nil {
		return err
	}
	var log truth
	srv.On("all", log.relay)
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
	log.last.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, answers.Encode(log.quantiles()), srv.Shutdown(ctx), <-ended)
}

// truth is how long each broadcast took.
type truth struct {
	mu   sync.Mutex
	all  []time.Duration
	last sync.WaitGroup
}

func (t *truth) relay(s *server.Socket, e *server.Event) error {
	came := time.Now()
	args, _ := e.Raw()
	name, rest := socketio.NextArg(args)
	data, _ := socketio.NextArg(rest)
	var event string
	if err := socketio.Bind(name, nil, &event); err != nil {
		return fmt.Errorf("the event's name: %w", err)
	}
	data = slices.Clone(data)
	t.last.Add(1)
	time.AfterFunc(shortest+rand.N(longest-shortest), func() {
		defer t.last.Done()
		s.Broadcast().EmitRaw(event, data, nil)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all = append(t.all, time.Since(came))
	})
	return e.Ack()
}

func (t *truth) quantiles() quantiles {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return quantiles{}
	}
	slices.Sort(t.all)
	at := func(q float64) int64 { return t.all[int(q*float64(len(t.all)-1))].Microseconds() }
	return quantiles{N: int64(len(t.all)), P50: at(0.5), P99: at(0.99)}
}

// generate runs the scenario with the rules that hold by default, and prints what it says.
func generate(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("generate takes a URL and a duration")
	}
	f, err := file.Parse("starve.yaml", fmt.Appendf(nil, `version: 1
name: starve
target: {url: %q}
groups:
  receivers: {count: 20, transport: websocket, connect: {rate: 200/s}}
  speaker:
    count: 1
    transport: websocket
    send:
      - {op: all, rate: 200/s, size: 128B, expect: others, late: 5s}
phases:
  - {name: ramp, for: 500ms, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: hold, for: %s}
slo:
  - p99(delivery) < 1s
  - errors(connect) == 0
  - disorder(delivery) <= 100%% # delays are drawn: one broadcast overtakes another
`, args[0], args[1]), nil)
	if err != nil {
		return err
	}
	run, err := scenario.Run(ctx, f, scenario.Options{})
	if err != nil {
		return err
	}
	cell := &run.Cells[0]
	r := outcome{Verdict: cell.Verdict, Reason: cell.Reason, Send: cell.Generator.LagP99us}
	if l := cell.Latency["delivery"]; l != nil {
		r.Reported = quantiles{N: l.N, P50: l.P50us, P99: l.P99us}
	}
	if l := cell.Generator.LagReceive; l != nil {
		r.Receive = l.P99us
	}
	return json.NewEncoder(out).Encode(struct {
		outcome
		Load *load `json:"load,omitempty"` // it does not know
	}{outcome: r})
}
