package scenario

import (
	"context"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/scenario/client"
)

// A cluster that never answers a CONNECT, a port that drops packets, a room that does not answer:
// clients that are still connecting at the end are counted by the stage at which they wait.
func TestWaitingByStage(t *testing.T) {
	const text = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  all: {count: 12, connect: {rate: 10k/s, timeout: 1m}}
  rooms: {count: 2, namespace: /rooms, connect: {rate: 10k/s, timeout: 1m}, rooms: {of: 1, join: 1}}
phases: [{name: hold, for: 2s}]
slo: [errors(connect) == 0]
valid: [max(cpu) < 1000%]
`
	s := &fakeServer{mute: map[string]bool{"join": true}}
	var n atomic.Int64
	c := play(t, s, text, func(opt *Options) {
		opt.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
			if cfg.Namespace == "/rooms" {
				return s.dial(ctx, cfg)
			}
			stage := ""
			switch i := n.Add(1); {
			case i > 1 && i <= 7: // the first is the probe
				stage = "namespace"
			case i > 7 && i <= 9:
				stage = "tcp"
			case i == 10:
				stage = "open"
			}
			if stage == "" {
				return s.dial(ctx, cfg)
			}
			<-ctx.Done()
			return dialed{}, &client.DialError{Stage: stage, Class: "canceled", Err: ctx.Err()}
		}
	})
	want := map[string]int64{"waiting.namespace": 6, "waiting.tcp": 2, "waiting.open": 1, "waiting.join": 2}
	if !maps.Equal(c.Errors, want) || c.Clients.Waiting != 11 || c.Clients.Held != 3 || c.Clients.Failed != 0 {
		t.Errorf("%+v, %v; want %v", c.Clients, c.Errors, want)
	}
	if w := strings.Join(c.Warnings, "\n"); !strings.Contains(w, "only 3 of 14 clients were connected at the end of the recorded phases; 11 waited for an answer, by stage: join 2, namespace 6, open 1, tcp 2") {
		t.Errorf("warnings: %s", w)
	}
	if c.Verdict != "pass" {
		t.Errorf("%s because %q: waiting is no failure to connect", c.Verdict, c.Reason)
	}
}
