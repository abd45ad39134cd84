package file

import (
	"testing"
	"time"
)

func TestQuicken(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`
version: 1
name: x
server: {recovery: 1m}
matrix: {axes: {n: [1000, 10]}, repeat: 2, cooldown: 5s}
groups:
  people: {count: "${matrix.n}", reconnect: {}, rooms: {of: 100, join: 2, size: zipf(1)}}
  speaker: {count: 1, send: [{op: all, rate: 10/s}]}
phases:
  - {name: ramp, for: 10s, clients: 0%..100%, record: false}
  - {name: short, for: 500ms}
  - {name: cut, for: 20s, fault: {drop: 50%, within: 10s}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Quicken(0.2)
	cells := f.Cells()
	if len(cells) != 4 || f.Cooldown != time.Second {
		t.Fatalf("%d cells, cooldown %v", len(cells), f.Cooldown)
	}
	for i, want := range []struct{ people, rooms int }{{200, 20}, {2, 20}, {200, 20}, {2, 20}} {
		s := cells[i].Spec
		if s.Groups[0].Count != want.people || s.Groups[0].Rooms.Of != want.rooms || s.Groups[0].Rooms.Join != 2 || s.Groups[1].Count != 1 || s.Quick != 0.2 {
			t.Errorf("cell %d: %+v, rooms %+v", i, s.Groups[0], s.Groups[0].Rooms)
		}
		if p := s.Phases; p[0].For != 2*time.Second || p[1].For != 500*time.Millisecond || p[2].For != 4*time.Second || p[2].Fault.Within != 2*time.Second {
			t.Errorf("cell %d: %+v, fault %+v", i, p, p[2].Fault)
		}
		if s.Groups[1].Send[0].Rate != 10 {
			t.Errorf("rate %v", s.Groups[1].Send[0].Rate)
		}
	}
}
