package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
)

// The delays of the server.
const (
	shortest = time.Millisecond
	longest  = 10 * time.Millisecond
)

// serve runs a server whose delays are drawn.
func serve(_ context.Context, _ []string, in io.Reader, out io.Writer) error {
	return delayed.Serve(func() time.Duration { return shortest + rand.N(longest-shortest) }, in, out)
}

// generate runs the scenario with the rules that hold by default, and prints what it says.
func generate(ctx context.Context, args []string, _ io.Reader, out io.Writer) error {
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
		r.Reported = delayed.Quantiles{N: l.N, P50: l.P50us, P99: l.P99us}
	}
	if l := cell.Generator.LagReceive; l != nil {
		r.Receive = l.P99us
	}
	return json.NewEncoder(out).Encode(struct {
		outcome
		Load *load `json:"load,omitempty"` // it does not know
	}{outcome: r})
}
