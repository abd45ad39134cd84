package scenario

import (
	"testing"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// Two servers without an adapter between them, over the network: half of what is expected arrives,
// and the report says which half, and why.
func TestTwoServersWithoutAnAdapter(t *testing.T) {
	t.Parallel()
	var urls [2]string
	for i := range urls {
		s, err := planted.Start(planted.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		urls[i] = s.URL
	}
	f, err := file.Parse("t.yaml", []byte(`
version: 1
name: t
targets: ["`+urls[0]+`", "`+urls[1]+`"]
groups:
  people: {count: 12, transport: {websocket: 50%, polling: 25%, upgrade: 25%}, send: [{op: all, rate: 5/s, per: client, expect: all, late: 2s}]}
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
valid: [{check: achieved(rate) > 1%, optional: true}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &run.Cells[0]
	n := c.Nodes
	if n == nil {
		t.Fatal("no account of the targets")
	}
	for i := range n.Pairs {
		p := &n.Pairs[i]
		switch share, ok := p.Reach(); {
		case !ok, p.From == p.To && share != 1, p.From != p.To && share != 0:
			t.Errorf("%+v", p)
		}
	}
	if text := apart(n); c.Verdict == result.Pass || len(c.Warnings) == 0 || c.Warnings[0] != text || text == "" {
		t.Errorf("%s: %s; %q, want first %q", c.Verdict, c.Reason, c.Warnings, text)
	}
}
