package scenario

import (
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// Operations that were not due are neither achieved nor missed, so a scaled-down run does not fail.
func TestNothingDue(t *testing.T) {
	const rare = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {all: {count: 2, connect: {rate: 10k/s}, send: [{op: all, rate: 1/m, arrival: poisson}, {op: echo, rate: 1/m, arrival: poisson, ack: 5s}]}}
phases: [{name: hold, for: 30s}]
slo: [p99(delivery) < 1s, loss(delivery) == 0, p99(ack) < 1s, errors(ack) == 0, p99(fanout.last) < 1s]
valid: [p99(lag) < 1h, achieved(rate) > 99%]
`
	for _, test := range []struct {
		quick float64
		want  string
	}{{0.01, "pass"}, {0, "fail"}} {
		ownClock(t, func(t *testing.T) {
			f, err := file.Parse("test.yaml", []byte(rare), map[string]string{"phases.hold.for": "30s"})
			if err != nil {
				t.Fatal(err)
			}
			if f.Quicken(0.01); test.quick == 0 {
				for _, c := range f.Cells() {
					c.Spec.Quick = 0
				}
			}
			run, err := Run(t.Context(), f, Options{dial: (&fakeServer{}).dial, sleep: time.Sleep})
			if err != nil {
				t.Fatal(err)
			}
			c := run.Cells[0]
			if string(c.Verdict) != test.want || c.Ledger.Sent != 0 {
				t.Errorf("quick %g: %s because %q; %d sent", test.quick, c.Verdict, c.Reason, c.Ledger.Sent)
			}
			for _, k := range c.Checks[:2] {
				if !k.Pass || k.Note != "nothing was due" {
					t.Errorf("quick %g: %s: %+v", test.quick, k.Text, k)
				}
			}
		})
	}
}
