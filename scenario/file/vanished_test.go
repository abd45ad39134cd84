package file

import "testing"

// The connections of clients that vanish stay open in addition to the reconnected ones.
func TestPlanCountsVanishedClients(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`
version: 1
name: x
groups:
  a: {count: 100, reconnect: {}}
  b: {count: 100}
phases:
  - {name: one, for: 5s, fault: {half_open: 10%}}
  - {name: two, for: 5s, fault: {half_open: 20%}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, src := f.Spec.Plan(), f.Spec.Sources()
	if p.Clients != 200 || p.Sockets != 230 || p.Files != 230+ownFiles || len(src) != 1 || src[0].Sockets != 230 {
		t.Errorf("%+v, %+v", p, src)
	}
}
