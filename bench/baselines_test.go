package bench

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// start runs the built-in server in this process, as throng serve does in one of its own.
func start(_ context.Context, s *file.Server) (*scenario.Endpoint, error) {
	opts := server.Options{Fanout: s.Fanout}
	if s.Parser == "msgpack" {
		opts.Parser = socketio.MessagePack
	}
	srv, err := app.New(s.App, opts)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	path := ""
	if s.App == "engine" {
		path = "/engine.io/"
	}
	return &scenario.Endpoint{URL: "http://" + ln.Addr().String(), Path: path, Stop: func(ctx context.Context) error {
		return errors.Join(srv.Shutdown(ctx), <-done)
	}}, nil
}

// play runs a scenario. A run that says of itself that this machine was too slow for it does not
// count.
func play(t *testing.T, text string) []result.Cell {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for tries := 1; ; tries++ {
		run, err := scenario.Run(t.Context(), f, scenario.Options{Start: start})
		if err != nil {
			t.Fatal(err)
		}
		slow := slices.IndexFunc(run.Cells, func(c result.Cell) bool {
			return c.Verdict == result.Invalid || c.Errors["send.unconnected"] > 0 // the load began, and not all were there yet
		})
		if slow < 0 || tries == 5 {
			return run.Cells
		}
		t.Logf("the machine is slow: %s, errors %v", run.Cells[slow].Reason, run.Cells[slow].Errors)
	}
}

// exact reports whatever a run lost, and errors of any kind.
func exact(t *testing.T, name string, c *result.Cell) {
	t.Helper()
	l := c.Ledger
	if l.Sent == 0 || l.Expected == 0 || l.Received+l.Undecided != l.Expected || l.Duplicate+l.Disorder+l.Late+l.Lost != 0 {
		t.Errorf("%s: ledger %+v", name, l)
	}
	if len(c.Errors) != 0 || c.Clients.Held != c.Clients.Asked {
		t.Errorf("%s: errors %v, clients %+v", name, c.Errors, c.Clients)
	}
}

const rest = `
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%}
  - {name: settle, for: 900ms, load: 0%}
  - {name: hold, for: 1500ms}
valid: [p99(lag) < 1s, p99(lag.receive) < 1s]
`

// The same work over every transport arrives exactly, and what each carried for it is counted.
func TestEveryTransport(t *testing.T) {
	t.Parallel()
	cells := play(t, `
version: 1
name: t
matrix: {axes: {transport: [websocket, polling, upgrade, plain-websocket, sse, short-polling]}}
groups:
  people:
    count: 12
    transport: $matrix.transport
    poll: 50ms
    connect: {rate: 1k/s}
    rooms: {of: 3}
    send:
      - {op: room, rate: 5/s, expect: others, size: 100B}
      - {op: echo, rate: 5/s, ack: 30s, size: 100B}
      - {op: echo, rate: 2/s, size: 100B}
      - {op: all, rate: 3/s, ack: 30s, size: 100B}
`+rest)
	wire := map[string]*result.Wire{}
	for i := range cells {
		c := &cells[i]
		name := c.Params["transport"]
		exact(t, name, c)
		w := c.Wire[name]
		if w == nil || w.Messages == 0 || w.BytesIn <= 0 || w.BytesOut <= 0 {
			t.Fatalf("%s: wire %+v", name, w)
		}
		if w.PerMessage < 100 {
			t.Errorf("%s: %.0f bytes a message of 100", name, w.PerMessage)
		}
		wire[name] = w
	}
	for cheap, dear := range map[string]string{"plain-websocket": "sse", "websocket": "polling", "sse": "short-polling"} {
		if wire[cheap].PerMessage >= wire[dear].PerMessage {
			t.Errorf("%s takes %.0f bytes a message and %s %.0f", cheap, wire[cheap].PerMessage, dear, wire[dear].PerMessage)
		}
	}
}

// The wire format of a message does not change the counts.
func TestEveryForm(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"parsers, namespaces and binary": `
version: 1
name: t
matrix: {axes: {parser: [json, msgpack], transport: [websocket, polling]}}
groups:
  people:
    count: 6
    namespace: [/chat, /news]
    parser: $matrix.parser
    transport: $matrix.transport
    auth: {i: $client.index}
    connect: {rate: 1k/s}
    rooms: {of: 2}
    send:
      - {op: room, rate: 5/s, size: 300B, binary: true}
      - {op: room, rate: 5/s, data: {text: "é", n: "${seq}"}, expect: others}
      - {op: all, rate: 3/s, namespace: /news, ack: 30s}
      - {op: echo, rate: 3/s, ack: 30s, binary: true, namespace: /news}
      - {op: emit, event: unheard, rate: 3/s}
  readers: {count: 3, namespace: /news, parser: "${matrix.parser}", connect: {rate: 1k/s}}
`,
		"bare Engine.IO": `
version: 1
name: t
matrix: {axes: {transport: [websocket, polling, upgrade]}}
groups:
  people:
    count: 6
    namespace: none
    transport: $matrix.transport
    connect: {rate: 1k/s}
    send: [{op: echo, rate: 5/s}, {op: echo, rate: 5/s, binary: true, size: 1KiB}]
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cells := play(t, text+rest)
			for i := range cells {
				exact(t, cells[i].Params["parser"]+" "+cells[i].Params["transport"], &cells[i])
			}
		})
	}
}
