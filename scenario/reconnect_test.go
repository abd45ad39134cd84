package scenario

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

const deploy = `
version: 1
name: t
groups:
  people: {count: 20, connect: {rate: 10k/s}, reconnect: {min: 20ms, max: 100ms}}
  speaker: {count: 1, reconnect: {min: 20ms, max: 100ms}, send: [{op: all, rate: 50/s, expect: others, late: 5s}]}
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%, record: false}
  - {name: deploy, for: 1500ms, fault: FAULT}
slo: [loss(delivery) == 0, dup(delivery) == 0, errors(connect) == 0, p99.9(reconnect) < 1h in deploy]
valid: [achieved(rate) > 99%]
`

func TestDroppedClientsComeBack(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	c := play(t, s, strings.Replace(deploy, "FAULT", "{drop: 100%, within: 300ms}", 1))
	if c.Verdict != result.Pass {
		t.Errorf("verdict %s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	if r := c.Latency["reconnect"]; r == nil || r.N != 21 || r.Minus < 10_000 {
		t.Errorf("reconnect %+v, want 21 samples of at least 10 ms", r)
	}
	for _, stage := range []string{"", ".attempt", ".tcp", ".open", ".namespace"} {
		if n, again := c.Latency["connect"+stage].N, c.Latency["reconnect"+stage].N; n != 21 || again != 21 {
			t.Errorf("connect%s %d, reconnect%s %d, want 21 of each", stage, n, stage, again)
		}
	}
	if c.Clients != (result.Clients{Asked: 21, Held: 21}) {
		t.Errorf("clients %+v", c.Clients)
	}
	if c.Ledger.Lost != 0 || c.Ledger.Duplicate != 0 {
		t.Errorf("ledger %+v", c.Ledger)
	}
	if !strings.Contains(strings.Join(c.Notes, "\n"), "broke: 21; clients held again after a drop: 21") || strings.Contains(strings.Join(c.Warnings, "\n"), "fault") {
		t.Errorf("notes %q, warnings %q", c.Notes, c.Warnings)
	}
}

// A server that refuses every reconnection shows in the metric, at the absence so far.
func TestWhoNeverComesBackIsCounted(t *testing.T) {
	t.Parallel()
	s := &fakeServer{refuse: func(i int) error {
		switch { // the probe and 21 clients come first
		case i > 21 && i%2 == 0:
			return &client.DialError{Class: "timeout", Stage: "tcp", Err: errors.New("nobody answers")}
		case i > 21:
			return &client.DialError{Class: "refused", Stage: "tcp", Err: errors.New("no")}
		}
		return nil
	}}
	c := play(t, s, strings.Replace(deploy, "FAULT", "{drop: 50%}", 1))
	lost := c.Clients.Asked - c.Clients.Held
	if lost < 3 || lost > 18 {
		t.Errorf("clients %+v, want about half of them away", c.Clients)
	}
	if r := c.Latency["reconnect"]; r == nil || r.N != 0 || r.Never != int64(lost) || r.P50us < 1_400_000 {
		t.Errorf("reconnect %+v, want %d of more than 1.5 s", r, lost)
	}
	late := c.Errors["reconnect.timeout"]
	if r := c.Latency["reconnect.attempt"]; late == 0 || r == nil || r.N != 0 || r.Never != late {
		t.Errorf("reconnect.attempt %+v, want %d that took too long", r, late)
	}
	if c.Errors["reconnect.never"] != int64(lost) || c.Errors["reconnect.refused"]+late < int64(lost) || c.Errors["connect.refused"] != 0 {
		t.Errorf("errors %v", c.Errors)
	}
}

// A connection that breaks without a fault is a dropped client, also when it comes back.
func TestDropsWithoutAFaultCount(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	c := play(t, s, strings.Replace(deploy, ", fault: FAULT", "", 1), func(*Options) {
		time.AfterFunc(time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.conns[len(s.conns)-1].end(client.TransportClose)
		})
	})
	if c.Clients.Dropped != 1 || c.Errors["drop.transport_close"] != 1 || c.Verdict != result.Fail {
		t.Errorf("clients %+v, errors %v, verdict %s", c.Clients, c.Errors, c.Verdict)
	}
	if r := c.Latency["reconnect"]; r == nil || r.N != 1 {
		t.Errorf("reconnect %+v, want one sample", r)
	}
}

func TestServerIsRestartedOnItsAddress(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	var down atomic.Bool
	s.refuse = func(int) error {
		if down.Load() {
			return &client.DialError{Class: "refused", Stage: "tcp", Err: errors.New("no")}
		}
		return nil
	}
	var listens []string
	starts, stops := 0, 0
	start := func(_ context.Context, spec *file.Server) (*Endpoint, error) {
		listens = append(listens, spec.Listen)
		if starts++; starts == 2 {
			return nil, errors.New("address in use") // at first
		}
		down.Store(false)
		done := make(chan error)
		return &Endpoint{URL: "http://127.0.0.1:7", Done: done, Stop: func(context.Context) error {
			stops++
			for all := 0; all < 21 && stops == 1; { // the last of them comes at this very moment
				s.mu.Lock()
				all = len(s.conns)
				s.mu.Unlock()
				time.Sleep(time.Millisecond)
			}
			down.Store(true)
			close(done)
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, c := range s.conns {
				c.end(client.ServerDisconnect) // as a server that says goodbye
			}
			return nil
		}}, nil
	}
	c := play(t, s, strings.Replace(deploy, "FAULT", "{restart: true}", 1), func(o *Options) { o.Target, o.Start = "", start })
	if c.Verdict != result.Pass {
		t.Errorf("verdict %s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	if r := c.Latency["reconnect"]; r == nil || r.N != 21 {
		t.Errorf("reconnect %+v, want 21 samples", r)
	}
	if starts != 3 || stops != 2 || strings.Join(listens, " ") != "127.0.0.1:0 127.0.0.1:7 127.0.0.1:7" {
		t.Errorf("%d starts at %v, %d stops", starts, listens, stops)
	}
	if c.Clients.Held != 21 || c.Clients.Dropped != 0 {
		t.Errorf("clients %+v", c.Clients)
	}
}

// A restart may take longer than its phase. It explains that connections end then, too: in the next
// phase, and when the phases are over while the last messages are on their way. A server that ends
// connections at the same time without a restart does it unasked.
func TestARestartOutlastsItsPhase(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
name: t
SERVER
groups:
  people: {count: 6, connect: {rate: 10k/s}, reconnect: {min: 20ms, max: 100ms}, send: [{op: all, rate: 20/s, expect: others, late: 2s}]}
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 500ms}
  - {name: deploy, for: 1s, fault: {restart: rolling}}
`
	const rules = "slo: [undecided(delivery) < 50%]\n" // most of a second was on its way to them
	for name, test := range map[string]struct {
		after  string // further phases
		asked  bool   // the end of the connections is a restart
		reason string // for which they end
	}{
		"in the next phase":            {after: "  - {name: after, for: 2s}\n", asked: true, reason: client.TransportClose},
		"when the phases are over":     {asked: true, reason: client.TransportClose},
		"as a server that says so":     {asked: true, reason: client.ServerDisconnect},
		"unasked, in the last moments": {reason: client.TransportClose},
	} {
		s := &fakeServer{mangle: func(_ int, _ *fakeConn, p []byte) []fakePacket {
			return []fakePacket{{text: p, after: 400 * time.Millisecond}}
		}}
		end := func(url string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, c := range s.conns {
				if c.cfg.URL == url {
					c.end(test.reason)
				}
			}
		}
		server, plan := "server: {nodes: 2, adapter: none}", text+test.after+rules
		ep := &Endpoint{URL: "http://a:1"}
		for _, url := range []string{"http://a:1", "http://b:2"} {
			ep.Nodes = append(ep.Nodes, Node{URL: url, PID: func() int { return 0 }, Restart: func(context.Context) error {
				end(url)
				time.Sleep(1200 * time.Millisecond) // a process is slow to begin on a busy machine
				return nil
			}})
		}
		if !test.asked {
			server, plan = `targets: {urls: ["http://a:1", "http://b:2"]}`, strings.Replace(plan, ", fault: {restart: rolling}", "", 1)
		}
		c := play(t, s, strings.Replace(plan, "SERVER", server, 1), func(o *Options) {
			o.Target, o.Start = "", func(context.Context, *file.Server) (*Endpoint, error) { return ep, nil }
			if !test.asked {
				time.AfterFunc(2200*time.Millisecond, func() { end("http://b:2") })
			}
		})
		if !test.asked {
			if c.Verdict != result.Fail || c.Clients.Dropped != 3 || c.Errors["drop.transport_close"] != 3 {
				t.Errorf("%s: %s because %q; clients %+v, errors %v", name, c.Verdict, c.Reason, c.Clients, c.Errors)
			}
			continue
		}
		if c.Verdict != result.Pass || c.Clients.Dropped != 0 || c.Errors["drop.transport_close"] != 0 {
			t.Errorf("%s: %s because %q; clients %+v, errors %v", name, c.Verdict, c.Reason, c.Clients, c.Errors)
		}
		if r := c.Reconnects; r == nil || r.Back != 6 || len(r.Faults) != 1 || r.Faults[0].Lost != r.Lost || r.Lost != 6 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAForeignServerIsNotRestarted(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("t.yaml", []byte(strings.Replace(deploy, "FAULT", "{restart: true}", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", dial: (&fakeServer{}).dial})
	if err == nil || !strings.Contains(err.Error(), "the phase deploy restarts the built-in server") {
		t.Errorf("%v", err)
	}
}
