package file

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStages(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`
version: 1
name: x
groups:
  viewers: {count: 100, transport: {websocket: 50%, polling: 50%}, connect: {from: [127.0.0.2, 127.0.0.3]}}
  speaker:
    count: 1
    send:
      - {op: all, rate: 10/s, expect: others}
      - {op: echo, rate: 1/s, ack: 1s, scale: false}
phases:
  - {name: ramp, for: 5s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 10s, load: 100%..200%}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	none := Plan{Files: 64}
	want := []Stage{
		// The rate of the echo does not rise while clients are missing: it is rounded up by at most
		// one client.
		{Phase: "ramp", For: 5 * time.Second, From: none, To: Plan{Clients: 101, Sockets: 151, Files: 215, Offered: 1}},
		{
			Phase: "hold", For: 10 * time.Second, Record: true,
			From: Plan{Clients: 101, Sockets: 151, Files: 215, Offered: 11, Deliveries: 1000},
			To:   Plan{Clients: 101, Sockets: 151, Files: 215, Offered: 21, Deliveries: 2000},
		},
	}
	if diff := cmp.Diff(want, f.Spec.Stages()); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	sources := []Source{{"", 1}, {"127.0.0.2", 75}, {"127.0.0.3", 75}}
	if diff := cmp.Diff(sources, f.Spec.Sources()); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

// Sockets are planned for the most that arrivals can bring, messages for how many are there on
// average.
func TestPlanOfArrivals(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`
version: 1
name: x
groups:
  guests: {arrive: 50/s, life: exp(6s), send: [{op: echo, rate: 1/s, ack: 1s}]}
  speaker: {count: 1, send: [{op: all, rate: 10/s, expect: others}]}
phases: [{name: hold, for: 60s}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := f.Spec.Plan()
	if p.Clients <= 301 || p.Sockets != p.Clients || p.Offered != 310 || p.Deliveries != 3000 {
		t.Errorf("%+v, want more than 301 clients, 310 messages and 3000 deliveries a second", p)
	}
}
