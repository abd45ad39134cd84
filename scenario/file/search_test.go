package file

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const searched = `
version: 1
name: x
vars: {viewers: 10}
groups:
  viewers: {count: "${viewers}", connect: {rate: 100/s}}
  speaker: {count: 1, send: [{op: all, rate: 1/s}]}
`

func TestSearchDefaults(t *testing.T) {
	f, err := Parse("x.yaml", []byte(searched+"search: {raise: groups.viewers.count, from: 1k}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Search{
		Raise: "groups.viewers.count", From: 1000, To: 1e6, Grow: 2, Precision: 0.05, Settle: 5 * time.Second, Trial: 20 * time.Second,
		Confirm: 3, ConfirmFor: 20 * time.Second, StepsAfter: []float64{0.25, 0.5, 0.7, 0.9, 1, 1.1},
	}
	if d := cmp.Diff(want, f.Spec.Search); d != "" {
		t.Error(d)
	}
	text := searched + `
search:
  raise: groups.speaker.send[0].rate
  from: 60/m
  to: 1k/s
  grow: x1.5
  precision: 10%
  settle: 0s
  trial: 4s
  confirm: {trials: 5, for: 8s}
  steps_after: [50%]
  budget: 3m
`
	if f, err = Parse("x.yaml", []byte(text), nil); err != nil {
		t.Fatal(err)
	}
	want = &Search{
		Raise: "groups.speaker.send[0].rate", Unit: LevelRate, From: 1, To: 1000, Grow: 1.5, Precision: 0.1, Trial: 4 * time.Second,
		Confirm: 5, ConfirmFor: 8 * time.Second, StepsAfter: []float64{0.5}, Budget: 3 * time.Minute,
	}
	if d := cmp.Diff(want, f.Spec.Search); d != "" {
		t.Error(d)
	}
}

// TestAtALevel: the raised number has the level, and the phases leave the clients the time to
// connect.
func TestAtALevel(t *testing.T) {
	for _, tt := range []struct {
		name, search, phases string
		level                float64
		count                int
		rate                 float64
		want                 []Phase
	}{
		{
			"a count", "raise: groups.viewers.count, from: 10", "", 1000, 1000, 1,
			[]Phase{{Name: "ramp", For: 11 * time.Second, Clients: Ramp{0, 1}}, {Name: "settle", For: 5 * time.Second, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}, {Name: "hold", For: 8 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}},
		},
		{
			"a variable", "raise: viewers, from: 10, settle: 0s", "", 20, 20, 1,
			[]Phase{{Name: "ramp", For: 1200 * time.Millisecond, Clients: Ramp{0, 1}}, {Name: "hold", For: 8 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}},
		},
		{
			"a rate, phases of its own", "raise: 'groups.speaker.send[0].rate', from: 1/s", "phases: [{name: ramp, for: 2s, record: false}, {name: a, for: 10s}, {name: b, for: 30s}]", 12.5, 10, 12.5,
			[]Phase{{Name: "ramp", For: 2 * time.Second, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}, {Name: "a", For: 2 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}, {Name: "b", For: 6 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}},
		},
		{
			"a ramp of its own is stretched", "raise: viewers, from: 10", "phases: [{name: ramp, for: 2s, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 1m}]", 500, 500, 1,
			[]Phase{{Name: "ramp", For: 6 * time.Second, Clients: Ramp{0, 1}}, {Name: "hold", For: 8 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}},
		},
		{
			"the load", "raise: load, from: 100%, settle: 0s", "", 2.5, 10, 1,
			[]Phase{{Name: "ramp", For: 1100 * time.Millisecond, Clients: Ramp{0, 1}}, {Name: "hold", For: 8 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{2.5, 2.5}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("x.yaml", []byte(searched+tt.phases+"\nsearch: {"+tt.search+"}"), map[string]string{"seed": "7"})
			if err != nil {
				t.Fatal(err)
			}
			before := f.Spec.Phases
			at, err := f.At(tt.level, 8*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, at.Spec.Phases); d != "" {
				t.Error(d)
			}
			if n, rate := at.Spec.Groups[0].Count, at.Spec.Groups[1].Send[0].Rate; n != tt.count || rate != tt.rate || at.Spec.Seed != 7 {
				t.Errorf("%d viewers at %v/s, seed %d", n, rate, at.Spec.Seed)
			}
			if d := cmp.Diff(before, f.Spec.Phases); d != "" {
				t.Error("the scenario itself has changed: " + d)
			}
		})
	}
}

func TestAtWithoutSearch(t *testing.T) {
	f, err := Parse("x.yaml", []byte(searched), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.At(5, time.Second); err == nil || !strings.Contains(err.Error(), "no search") {
		t.Error(err)
	}
}

func TestLevelsAreWrittenAsInTheFile(t *testing.T) {
	for want, l := range map[string]searchLevel{"1234": {1234.4, LevelCount}, "12.5/s": {12.5, LevelRate}, "0.333333/s": {1.0 / 3, LevelRate}, "4096B": {4096, LevelSize}, "250%": {2.5, LevelShare}, "100000/s": {1e5, LevelRate}} {
		s := Search{Unit: l.unit}
		if got := s.Format(l.at); got != want {
			t.Errorf("%v: %s, want %s", l, got, want)
		}
		if back, f := parseLevel(want); f != nil || back.unit != l.unit {
			t.Errorf("%s is read as %+v, %v", want, back, f)
		}
	}
}

// A level is read as the file has it, and only of the kind that the search raises.
func TestLevels(t *testing.T) {
	for text, want := range map[string]searchLevel{
		"1000": {1000, LevelCount}, "10k": {10_000, LevelCount}, "60/m": {1, LevelRate}, "1.5k/s": {1500, LevelRate}, "4KiB": {4096, LevelSize}, "250%": {2.5, LevelShare}, "10 k": {10_000, LevelCount},
		"5 /s": {5, LevelRate},
	} {
		if got, f := parseLevel(text); f != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, f)
		}
		for _, unit := range []string{LevelCount, LevelRate, LevelSize, LevelShare} {
			s := Search{Unit: unit, From: 1}
			got, err := s.Parse(text)
			if (err == nil) != (unit == want.unit) || err == nil && got != want.at {
				t.Errorf("%s in a search of %q: %v, %v", text, unit, got, err)
			}
			if whole := unit == LevelCount || unit == LevelSize; s.Whole() != whole {
				t.Errorf("levels of %q are whole: %v", unit, s.Whole())
			}
		}
	}
	for _, text := range []string{"", "0", "0/s", "0%", "0B", "-1", "NaN", "5s", "x", "1e3"} {
		if got, f := parseLevel(text); f == nil || f.hint == "" {
			t.Errorf("%q: %+v, %v", text, got, f)
		}
		if _, err := (&Search{From: 1}).Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// What a search raises is raised at every level, and nothing else is changed.
func TestEveryLevel(t *testing.T) {
	f, err := Parse("x.yaml", []byte(searched+"search: {raise: groups.viewers.count, from: 10, to: 100k, settle: 0s}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		level, record := rapid.Float64Range(1, 100_000).Draw(t, "level"), time.Duration(rapid.Int64Range(1e6, 1e12).Draw(t, "record"))
		at, err := f.At(level, record)
		if err != nil {
			t.Fatal(err)
		}
		g, recorded := at.Spec.Groups[0], time.Duration(0)
		for _, p := range at.Spec.Phases {
			if p.Record {
				recorded += p.For
			}
		}
		if g.Count != int(math.Round(level)) || (recorded-record).Abs() > time.Microsecond {
			t.Fatalf("at %v: %d viewers, %v recorded, want %v", level, g.Count, recorded, record)
		}
		if need := connectTime(g, 1); at.Spec.Phases[0].For < need {
			t.Fatalf("%v to connect, %v are needed", at.Spec.Phases[0].For, need)
		}
		g.Count = 10
		if diff := cmp.Diff(f.Spec.Groups, []Group{g, at.Spec.Groups[1]}); diff != "" {
			t.Fatal(diff)
		}
	})
}
