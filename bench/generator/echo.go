package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

// An echoing is a way to ask for echoes: each client for the next one as soon as it has the last
// (closed), or for so many a second (paced).
type echoing struct {
	name   string
	rate   int     // a second and client; 0 = closed
	target float64 // times the bare clients' processor time
}

// echoings are the ways that are measured.
var echoings = []echoing{
	{name: "closed", target: 1.3},
	{name: "paced", rate: 20, target: 1.1},
}

// echoSize is the bytes of an echo's data.
const echoSize = 100

// scenario asks for echoes with an acknowledgement.
func (e *echoing) scenario(o *options) string {
	does := fmt.Sprintf(`send: [{op: echo, rate: %d/s, size: %dB, ack: 30s}]`, e.rate, echoSize)
	if e.rate == 0 {
		does = fmt.Sprintf(`flow: {start: warm, repeat: forever, steps: [{emit: [echo, %s], ack: 30s}]}`, echoData())
	}
	return fmt.Sprintf(`version: 1
name: %s
groups:
  clients: {count: %d, transport: websocket, connect: {rate: 1k/s}, %s}
phases:
  - {name: ramp, for: %ds, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: warm, for: 1s, record: false}
  - {name: hold, for: %v}
`, e.name, o.echoers, does, o.echoers/1000+2, o.window)
}

// echoData is the data of an echo, as JSON.
func echoData() string {
	return fmt.Sprintf(`{"p":"%s"}`, strings.Repeat("x", echoSize-len(`{"p":""}`)))
}

// metric is what counts the echoes.
func (e *echoing) metric() string {
	if e.rate == 0 {
		return "step"
	}
	return "ack"
}

// echoing compares the runner with the bare clients.
func (b *bench) echoing(ctx context.Context, e *echoing, o *options, stdout, stderr io.Writer) (slow bool, err error) {
	how := fmt.Sprintf("%d a second and client", e.rate)
	if e.rate == 0 {
		how = "in a closed loop"
	}
	about := fmt.Sprintf("echoes %s: %d clients, %d B, %v", how, o.echoers, echoSize, o.window)
	return compare(about, "echo", e.target, o, stdout, stderr, func() (float64, error) {
		cell, err := b.throng(ctx, e.scenario(o))
		if err != nil {
			return 0, err
		}
		n := cell.Latency[e.metric()].N
		if n == 0 {
			return 0, errors.New("throng run has measured no echo")
		}
		return cell.Generator.CPUs * 1e6 / float64(n), nil
	}, func() (float64, error) { return b.bareEchoer(ctx, e, o) })
}

// bareEchoer measures the bare clients.
func (b *bench) bareEchoer(ctx context.Context, e *echoing, o *options) (perEcho float64, err error) {
	c, err := b.bare(ctx, "echoer", strings.TrimPrefix(b.url, "http://"), fmt.Sprint(o.echoers), fmt.Sprint(e.rate))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if !machine.Pause(ctx, time.Second) {
		return 0, ctx.Err()
	}
	before, err := c.usage()
	if err != nil {
		return 0, err
	}
	if !machine.Pause(ctx, o.window) {
		return 0, ctx.Err()
	}
	return c.cost(ctx, before)
}
