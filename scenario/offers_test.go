package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

const needy = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  talkers: {count: 2, connect: {rate: 10k/s}, rooms: {of: 2}, send: [{op: room, rate: 10/s}, {op: echo, rate: 10/s, ack: 1s}]}
  speaker: {count: 1, connect: {rate: 10k/s}, send: [{op: all, rate: 10/s, expect: others}]}
phases: [{name: warm, for: 100ms, load: 0%, record: false}, {name: hold, for: 200ms}]
valid: [max(lag) < 1h]
`

// A target that does not answer what the scenario is going to ask is refused before the run, and
// all that is missing is named.
func TestTargetIsAskedForTheContract(t *testing.T) {
	for _, test := range []struct {
		mute []string
		want string
	}{
		{nil, ""},
		{[]string{"join", "echo", "room", "all"}, "does not answer join, echo, room, all, which this scenario needs: "},
		{[]string{"all"}, "does not answer all, which"},
		{[]string{"echo"}, "does not answer echo, which"},
	} {
		ownClock(t, func(t *testing.T) {
			s := &fakeServer{send: func(c *fakeConn, packet []byte) (bool, error) {
				return slices.ContainsFunc(test.mute, func(event string) bool { return strings.Contains(string(packet), `["`+event+`"`) }), nil
			}}
			f, err := file.Parse("test.yaml", []byte(needy), nil)
			if err != nil {
				t.Fatal(err)
			}
			run, err := Run(t.Context(), f, Options{dial: s.dial, sleep: time.Sleep})
			if test.want == "" {
				if err != nil || run.Cells[0].Ledger.Lost > 0 {
					t.Errorf("a target with the contract: %v", err)
				}
				return
			}
			lacks, ok := errors.AsType[*ContractError](err)
			if !ok || !strings.Contains(lacks.Error(), test.want) || len(lacks.Missing) != len(test.mute) || len(run.Cells) != 0 {
				t.Errorf("without %v: %v", test.mute, err)
			}
		})
	}
}

// A group whose clients have a flow may have to log in before it is answered: the others are asked.
func TestFlowsAreNotAsked(t *testing.T) {
	const text = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 1, send: [{op: all, rate: 1/s}], flow: [{emit: [echo, 1], ack: 1s}]}
  clock: {count: 1, send: [{op: echo, rate: 1/s, ack: 1s}]}
phases: [{name: hold, for: 1s}]
`
	f, err := file.Parse("test.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrial(&f.Cells()[0], &Endpoint{URL: "http://127.0.0.1:1"}, nil, Options{}, place{n: 1})
	if got := tr.needs("/"); !slices.Equal(got, []string{"echo"}) {
		t.Errorf("needs %v", got)
	}
}

// What was not due is neither achieved nor missed: in a scaled-down run nothing is held against it.
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
			run, err := Run(t.Context(), f, Options{dial: (&fakeServer{}).dial, sleep: time.Sleep, trusting: true})
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
