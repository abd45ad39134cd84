package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

func compare(t *testing.T, opt Options, inputs ...Input) *Comparison {
	t.Helper()
	c, err := Inputs(inputs, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func two(t *testing.T, base, new *result.Run) *Comparison {
	t.Helper()
	return compare(t, Options{}, Input{Name: "out/before", Run: base}, Input{Name: "out/after", Run: new})
}

func TestCompareFindsTheChange(t *testing.T) {
	c := two(t, reporttest.Trials(1, 5, 2000), reporttest.Trials(2, 5, 2400))
	p := c.Pairs[0]
	if p.Base != "before" || p.New != "after" || p.BaseTrials.Valid != 5 || p.NewTrials.Valid != 5 {
		t.Errorf("sides: %+v", p)
	}
	for name, want := range map[string]struct {
		outcome Outcome
		change  float64
	}{
		"p50(delivery)": {Worse, 0.2}, "p99(delivery)": {Worse, 0.2}, "cpu(delivery)": {Worse, 0.2}, "memory(client)": {NotShown, 0}, "loss(delivery)": {NotShown, 0},
	} {
		ch := p.change(name)
		if ch == nil {
			t.Fatalf("%s is missing", name)
		}
		if ch.Outcome != want.outcome || math.Abs(ch.Change-want.change) > 0.05 {
			t.Errorf("%s: %s, change %.3f, want %s, %.3f", name, ch.Outcome, ch.Change, want.outcome, want.change)
		}
		if ch.Interval == nil || ch.Interval.Low > ch.Change || ch.Interval.High < ch.Change {
			t.Errorf("%s: the interval %+v does not hold the change %v", name, ch.Interval, ch.Change)
		}
	}
	if p.change("p99.9(delivery)") != nil {
		t.Error("p99.9 of 4 000 samples is compared")
	}
	if p.change("p99(ack)") != nil {
		t.Error("acks are compared, and there are none")
	}
	// The same, the other way round.
	back := two(t, reporttest.Trials(2, 5, 2400), reporttest.Trials(1, 5, 2000)).Pairs[0]
	if got := back.change("p99(delivery)").Outcome; got != Better {
		t.Errorf("the other way round p99 is %s", got)
	}
}

func TestCompareRefusesSingleTrials(t *testing.T) {
	for _, n := range []int{1, 3} {
		c := two(t, reporttest.Trials(1, n, 1000), reporttest.Trials(2, n, 9000))
		for _, ch := range c.Pairs[0].Changes {
			if ch.Outcome != Untested || ch.Interval != nil {
				t.Errorf("%d trials: %s is %s with interval %v", n, ch.Metric, ch.Outcome, ch.Interval)
			}
			if n == 1 && ch.P != nil {
				t.Errorf("one trial: %s has p = %v", ch.Metric, *ch.P)
			}
		}
		var text bytes.Buffer
		if err := c.Text(&text); err != nil {
			t.Fatal(err)
		}
		want := map[int]string{1: "no test can show that the sides differ", 3: "fewer than 5 trials"}[n]
		if !strings.Contains(text.String(), want) || !strings.Contains(text.String(), "too few to show a difference: ") {
			t.Errorf("%d trials: the text does not refuse:\n%s", n, text.String())
		}
	}
}

// What to do about a single trial depends on how it was made.
func TestAdviceForASinglePair(t *testing.T) {
	c := two(t, reporttest.Trials(1, 1, 1000), reporttest.Trials(2, 1, 9000))
	for interleaved, want := range map[bool]string{false: "throng compare --live", true: "Make more pairs"} {
		c.Pairs[0].Interleaved = interleaved
		if notes := strings.Join(c.trialNotes(), " "); !strings.Contains(notes, want) {
			t.Errorf("interleaved %v: %s", interleaved, notes)
		}
	}
}

func TestCompareLeavesInvalidTrialsOut(t *testing.T) {
	base, other := reporttest.Trials(1, 6, 2000), reporttest.Trials(2, 6, 2000)
	rnd := rand.New(rand.NewPCG(9, 9))
	bad := reporttest.Trial(rnd, 7, map[string]string{}, 90000)
	bad.Verdict = result.Invalid
	other.Cells = append(other.Cells, bad)
	c := two(t, base, other)
	p := c.Pairs[0]
	if p.NewTrials != (Trials{6, 1}) || p.change("p99(delivery)").NewN != 6 {
		t.Errorf("trials %+v", p.NewTrials)
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "left out") }) {
		t.Errorf("nothing is said of it: %q", c.Notes)
	}
	for i := range other.Cells {
		other.Cells[i].Verdict, other.Cells[i].Reason = result.Invalid, "p99(lag) < 1ms, it was 12.4 ms"
	}
	c = two(t, base, other)
	if len(c.Pairs[0].Changes) != 0 || !strings.Contains(c.Sentence(), "no valid trial") {
		t.Errorf("of invalid trials alone: %s", c.Sentence())
	}
	if want := "7 invalid trials left out. Why the first was invalid: p99(lag) < 1ms, it was 12.4 ms. What to do: 'throng help verdict'."; !slices.Contains(c.Notes, want) {
		t.Errorf("notes %q; want %s", c.Notes, want)
	}
	if _, err := c.HTML(); err != nil {
		t.Error(err)
	}
	var text strings.Builder
	none := two(t, other, other)
	if err := none.Text(&text); err != nil {
		t.Fatal(err)
	}
	if page, err := none.HTML(); err != nil || strings.Contains(string(page), "How it was compared") {
		t.Errorf("the page has a heading over nothing, or %v", err)
	}
	if got := text.String(); strings.Count(got, "valid trial, so nothing can be compared") != 1 || !strings.HasPrefix(got, "Neither side") || strings.Contains(got, "Hodges") {
		t.Errorf("of two sides without a valid trial:\n%s", got)
	}
}

func TestCompareByAxis(t *testing.T) {
	run := reporttest.Trials(1, 8, 2000, 2000, 1000)
	in := Input{Name: "out/x", Run: run}
	c := compare(t, Options{By: "kind"}, in)
	var got []string
	for _, p := range c.Pairs {
		got = append(got, fmt.Sprintf("%s/%s %s", p.Label, p.Base, p.change("p99(delivery)").Outcome))
		if len(p.Residue) != 0 {
			t.Errorf("cells of one run differ in %v", p.Residue)
		}
	}
	if want := []string{"kind b/kind a ~", "kind c/kind a better"}; !slices.Equal(got, want) {
		t.Errorf("pairs %q, want %q", got, want)
	}
	ch := c.Pairs[1].change("p99(delivery)")
	// The family is p50 and p99 of two pairs, and CPU per delivery of one: nothing else differs in
	// any trial.
	if want := stats.Paired.LeastP(8, 8); math.Abs(*ch.P-want) > 1e-9 || math.Abs(*ch.PHolm-5*want) > 1e-9 {
		t.Errorf("p = %v, corrected %v; want %v and five times that", *ch.P, *ch.PHolm, want)
	}
	c = compare(t, Options{By: "kind", Base: "kind c"}, in)
	if c.Pairs[0].Base != "kind c" || c.Pairs[0].change("p99(delivery)").Outcome != Worse {
		t.Errorf("with kind c as the base: %+v", c.Pairs[0])
	}
	// Cells picked by hand give the same numbers, and short names.
	c = compare(t, Options{}, Input{Name: "out/x#kind=kind a", Run: run, Select: map[string]string{"kind": "kind a"}},
		Input{Name: "out/x#kind=kind c", Run: run, Select: map[string]string{"kind": "kind c"}})
	if p := c.Pairs[0]; p.Base != "kind a" || p.New != "kind c" || *p.change("p99(delivery)").P != *ch.P || c.Axis != "kind" {
		t.Errorf("selected cells: %+v", p)
	}
}

// Pairs without valid trials have no heading over nothing.
func TestCompareInvalidPairs(t *testing.T) {
	run := reporttest.Trials(1, 2, 2000, 2000, 1000)
	for i := range run.Cells {
		run.Cells[i].Verdict = result.Invalid
	}
	c := compare(t, Options{By: "kind"}, Input{Name: "x", Run: run})
	var text strings.Builder
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "==") {
		t.Error(text.String())
	}
	page, err := c.HTML()
	if n := strings.Count(string(page), "Nothing can be compared."); err != nil || n != 2 || strings.Contains(string(page), ">detectable<") {
		t.Errorf("%d notes, %v", n, err)
	}
}

func TestCompareNamesWhatManyPairsNeed(t *testing.T) {
	c := compare(t, Options{By: "kind"}, Input{Name: "x", Run: reporttest.Trials(1, 5, 1000, 3000, 3000, 3000, 3000, 3000, 3000, 3000)})
	for _, p := range c.Pairs {
		if got := p.change("p99(delivery)").Outcome; got != Untested {
			t.Errorf("%s: %s; five trials cannot tell seven pairs apart", p.Label, got)
		}
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "fewer than 10 trials on each side") }) {
		t.Errorf("notes %q", c.Notes)
	}
}

func TestComparePairsCombinations(t *testing.T) {
	a, b := reporttest.Trials(1, 5, 1000, 2000), reporttest.Trials(2, 5, 1000, 2000, 3000)
	c := two(t, a, b)
	if len(c.Pairs) != 2 || c.Pairs[0].Label != "kind a" || c.Pairs[1].Label != "kind b" {
		t.Errorf("pairs %+v", c.Pairs)
	}
	if back := two(t, b, a); !slices.Contains(c.Notes, "before: no cells with kind c") || !slices.Contains(back.Notes, "after: no cells with kind c") {
		t.Errorf("what one side alone has is not said: %q, and %q", c.Notes, back.Notes)
	}
	c = compare(t, Options{}, Input{Name: "a", Run: a}, Input{Name: "b", Run: b}, Input{Name: "c", Run: reporttest.Trials(3, 5, 1000)}.with(a))
	if len(c.Pairs) != 4 || c.Pairs[3].Label != "c: kind b" {
		t.Errorf("three inputs give %d pairs, the last %q", len(c.Pairs), c.Pairs[len(c.Pairs)-1].Label)
	}
}

// with gives the input the cells of another run.
func (in Input) with(run *result.Run) Input {
	other := *in.Run
	other.Cells = run.Cells
	in.Run = &other
	return in
}

func TestResidue(t *testing.T) {
	a, b := reporttest.Trials(1, 5, 1000), reporttest.Trials(2, 5, 1000)
	if got := two(t, a, b).Pairs[0].Residue; len(got) != 0 {
		t.Errorf("equal runs differ in %v", got)
	}
	b.Env = maps.Clone(b.Env)
	b.Env["commit"], b.Env["gomaxprocs"] = "bbbb", "4"
	for i := range b.Cells {
		b.Cells[i].Settings["fanout"], b.Cells[i].Clients.Asked, b.Cells[i].Server.SameMachine = "serial", 200, false
		b.Cells[i].Checks = []result.Check{{Text: "p99(delivery) < 1s"}, {Text: "clients dropped == 0", Implied: true}}
		b.Cells[i].Rates.OfferedPerS = 10.05 // within the scatter of a schedule
	}
	c := two(t, a, b)
	want := []Difference{
		{"commit", "aaaa", "bbbb"},
		{"gomaxprocs", "-", "4"},
		{"fanout", "batched", "serial"},
		{"clients", "100", "200"},
		{"checks", "-", "p99(delivery) < 1s"},
		{"client and server", "on one machine", "on different machines"},
	}
	if got := c.Pairs[0].Residue; !slices.Equal(got, want) {
		t.Errorf("residue %v\nwant %v", got, want)
	}
	var text bytes.Buffer
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	residueAt, changesAt := strings.Index(text.String(), "6 things differ"), strings.Index(text.String(), "p99 delivery  ")
	if residueAt < 0 || changesAt < residueAt {
		t.Errorf("what differs does not come before the changes:\n%s", text.String())
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, " do not say when their trials ran: ") }) {
		t.Errorf("nothing is said of the order: %q", c.Notes)
	}
}

func TestShiftSaysWhere(t *testing.T) {
	base, other := reporttest.Trials(1, 6, 2000), reporttest.Trials(2, 6, 2000)
	for i := range other.Cells { // the slowest fiftieth takes five times as long
		h, err := other.Cells[i].Latency["delivery"].Histogram()
		if err != nil {
			t.Fatal(err)
		}
		slow, from := result.NewHistogram(), h.ValueAtPercentile(98)
		for _, bar := range h.Distribution() {
			v := bar.From
			if v > from {
				v *= 5
			}
			for range bar.Count {
				result.Record(slow, time.Duration(v)*time.Microsecond)
			}
		}
		other.Cells[i].Latency["delivery"] = result.FromHistogram(slow)
	}
	s := two(t, base, other).Pairs[0].Shift
	if s == nil || s.Metric != "delivery" {
		t.Fatalf("shift %+v", s)
	}
	for _, pt := range s.Points {
		switch {
		case pt.Percentile < 96 && (math.Abs(pt.Change) > 0.06 || pt.Interval.Low > 0 && pt.Interval.Low > 0.05):
			t.Errorf("p%.2f changed by %v", pt.Percentile, pt.Change)
		case pt.Percentile > 98.6 && (pt.Change < 3.5 || pt.Interval.Low < 3):
			t.Errorf("p%.2f changed by %v %v only", pt.Percentile, pt.Change, pt.Interval)
		}
	}
	if last := s.Points[len(s.Points)-1].Percentile; last > 99.75+1e-9 || last < 99.6 {
		t.Errorf("4 000 samples are shown up to p%v", last)
	}
}

func mustGate(t *testing.T, text string) Gate {
	t.Helper()
	g, err := ParseGate(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func gates(t *testing.T, texts ...string) (all []Gate) {
	t.Helper()
	for _, text := range texts {
		all = append(all, mustGate(t, text))
	}
	return all
}

func TestParseGate(t *testing.T) {
	for text, want := range map[string]Gate{
		"p99(delivery) > +10%":   {Metric: "p99(delivery)", Above: true, Limit: 0.1},
		" p99.9(ack)>5% ":        {Metric: "p99.9(ack)", Above: true, Limit: 0.05},
		"efficiency < -2.5 %":    {Metric: "efficiency", Limit: -0.025},
		"loss(delivery) > +0.1%": {Metric: "loss(delivery)", Above: true, Limit: 0.001},
	} {
		want.Text = strings.TrimSpace(text)
		if got := mustGate(t, text); got.Metric != want.Metric || got.Above != want.Above || math.Abs(got.Limit-want.Limit) > 1e-12 || got.Text != want.Text {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	for _, text := range []string{"", "p99", "p99(delivery) > 10", "p99(delivery) == 10%", "p98(delivery) > 10%", "p99(delivery) > 1.2.3%", "x(y) > 1%"} {
		if g, err := ParseGate(text); err == nil {
			t.Errorf("%q is read as %+v", text, g)
		} else if !strings.Contains(err.Error(), text) {
			t.Errorf("%q: the error does not quote it: %v", text, err)
		}
	}
}

// crowd is a run of many cells without a number in them: a few bytes each.
func crowd(cells, combinations int) *result.Run {
	run := &result.Run{Scenario: "s"}
	for i := range cells {
		run.Cells = append(run.Cells, result.Cell{Params: map[string]string{"n": strconv.Itoa(i % combinations)}, Trial: 1 + i/combinations, Verdict: result.Pass})
	}
	return run
}

func TestCompareErrors(t *testing.T) {
	run := reporttest.Trials(1, 2, 1000, 2000)
	for want, try := range map[string]func() (*Comparison, error){
		"give two results, or one result with --by": func() (*Comparison, error) { return Inputs([]Input{{Name: "x", Run: run}}, Options{}) },
		"its matrix has kind is kind a, kind b": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}}, Options{By: "size"})
		},
		"no cells with kind=kind z": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}}, Options{By: "kind", Base: "kind z"})
		},
		"compares the cells of one result": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}, {Name: "y", Run: run}}, Options{By: "kind"})
		},
		"no cell matches": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}, {Name: "y", Run: run, Select: map[string]string{"kind": "no"}}}, Options{})
		},
		"ended before its first trial": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}, {Name: "y", Run: &result.Run{}}}, Options{})
		},
		"a has 1300 trials and b has 1300, which is more than can be compared": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "a", Run: crowd(1300, 1)}, {Name: "b", Run: crowd(1300, 1)}}, Options{})
		},
		"a has 900 trials and b has 900, which is": func() (*Comparison, error) { // in all pairs together
			return Inputs([]Input{{Name: "a", Run: crowd(1800, 2)}, {Name: "b", Run: crowd(1800, 2)}}, Options{})
		},
		"1001 combinations are to be compared, and at most 1000": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: crowd(1002, 1002)}}, Options{By: "n"})
		},
		"have no combination of parameters in common": func() (*Comparison, error) {
			return Inputs([]Input{{Name: "x", Run: run}, {Name: "y", Run: reporttest.Trials(1, 2, 1000)}}, Options{})
		},
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestOpenInput(t *testing.T) {
	dir := t.TempDir()
	numbered := filepath.Join(dir, "run#1")
	for _, name := range []string{dir, numbered, filepath.Join(dir, "a#k=1")} {
		if err := reporttest.Trials(1, 1, 1000).Write(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		arg, choice string
		want        map[string]string
	}{
		{dir, dir, nil},
		{dir + "#", dir, nil},
		{dir + "#a=1,b=x y", dir, map[string]string{"a": "1", "b": "x y"}},
		{dir + "#a=1,2,b=3", dir, map[string]string{"a": "1,2", "b": "3"}},
		{dir + "#a=b#c", dir, map[string]string{"a": "b#c"}},
		{numbered, numbered, nil},
		{numbered + "#a=1", numbered, map[string]string{"a": "1"}},
		{filepath.Join(dir, "a#k=1"), filepath.Join(dir, "a#k=1"), nil}, // it is there
		{filepath.Join(numbered, result.FileName) + "#a=1", filepath.Join(numbered, result.FileName), map[string]string{"a": "1"}},
	} {
		in, err := Open(tt.arg)
		if err != nil || !maps.Equal(in.Select, tt.want) || len(in.Run.Cells) != 1 || in.Name != tt.arg || in.Choices()[0] != tt.choice {
			t.Errorf("%s: %v of %v, %v", tt.arg, in.Select, in.Choices(), err)
		}
	}
	if _, err := Open(dir + "#fanout"); err == nil || !strings.Contains(err.Error(), "DIR#axis=value") {
		t.Errorf("a selection without a value: %v", err)
	}
	for _, name := range []string{"none", "none#a=1", "none#1#a=1"} {
		if _, err := Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "none")+": no result there") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestShortNames(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"out/a out/b", "a b"},
		{"out/a/ out/b/result.json", "a b"},
		{"out/a x/b", "out/a x/b"},
		{"out/a out/a#k=1", "a a#k=1"},
		{"out/a#k=1 out/a#k=2", "1 2"},
		{"a#k=1,j=2 a#j=2", "k=1,j=2 j=2"},
		{"a a", "a a"},
	} {
		var in []Input
		for name := range strings.FieldsSeq(tt.in) {
			in = append(in, Input{Name: name})
		}
		if got := strings.Join(shortNames(in), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestCompareGolden holds what people read, word by word.
func TestCompareGolden(t *testing.T) {
	single := two(t, reporttest.Trials(1, 1, 2000), reporttest.Trials(2, 1, 2400))
	apart := two(t, reporttest.Trials(1, 5, 2000), reporttest.Trials(2, 5, 2400))
	pair := compare(t, Options{By: "kind", Gates: gates(t, "p99(delivery) > +10%", "p99(ack) > +10%", "efficiency < -40%", "p50(delivery) > +20%")},
		Input{Name: "out/x", Run: reporttest.Trials(1, 9, 2000, 2400)})
	axis := compare(t, Options{By: "kind"}, Input{Name: "out/x", Run: reporttest.Trials(1, 11, 2000, 2020, 1500)})
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"compare-single.txt": func(b *bytes.Buffer) error { return single.Text(b) },
		"compare-pair.txt":   func(b *bytes.Buffer) error { return pair.Text(b) },
		"compare-apart.txt":  func(b *bytes.Buffer) error { return apart.Text(b) },
		"compare-pair.md":    func(b *bytes.Buffer) error { return pair.Markdown(b) },
		"compare-axis.txt":   func(b *bytes.Buffer) error { return axis.Text(b) },
		"compare-axis.md":    func(b *bytes.Buffer) error { return axis.Markdown(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, name, b.String())
	}
}

func TestCompareWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	run := reporttest.Trials(1, 5, 2000, 2400, 1000)
	run.Cells[0].Params["kind"], run.Cells[3].Params["kind"] = "<b>a&", "<b>a&"
	c := compare(t, Options{By: "kind"}, Input{Name: "x", Run: run})
	if err := c.Write(dir, reports.Drawing{}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<b>a&", "http://", "https://", "<script ", "url(", "@import"} {
		s := strings.ReplaceAll(string(page), "http://www.w3.org/", "")
		if strings.Contains(s, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, name := range []string{"all-p99-delivery", "changes-01", "changes-02", "shift-01", "shift-02"} {
		for _, ext := range []string{".svg", ".png"} {
			if _, err := os.Stat(filepath.Join(dir, htmlpage.FiguresName, name+ext)); err != nil {
				t.Error(err)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "compare.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(text, &back); err != nil || len(back.Pairs) != len(c.Pairs) || len(back.Pairs[0].Changes) == 0 {
		t.Errorf("compare.json: %v, %d pairs", err, len(back.Pairs))
	}
	again, err := c.HTML()
	if err != nil || !bytes.Equal(again, page) {
		t.Errorf("the same comparison gives other bytes (%v)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, htmlpage.PageName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(dir, reports.Drawing{}); err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("the figures of a run are overwritten: %v", err)
	}
}

// What differs in every pair is said once, before the first number.
func TestResidueFirst(t *testing.T) {
	base, next := reporttest.Trials(1, 5, 1000, 2000), reporttest.Trials(2, 5, 1000, 2000)
	for i := range next.Cells {
		next.Cells[i].Settings = map[string]string{"payload_bytes": "4096"}
	}
	c := compare(t, Options{}, Input{Name: "a", Run: base}, Input{Name: "b", Run: next})
	if len(c.Pairs) != 2 || !c.alike() {
		t.Fatalf("%d pairs, alike %v", len(c.Pairs), c.alike())
	}
	var text, markdown bytes.Buffer
	if err := errors.Join(c.Text(&text), c.Markdown(&markdown)); err != nil {
		t.Fatal(err)
	}
	page, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{"text": text.String(), "markdown": markdown.String(), "page": string(page)} {
		at, number := strings.Index(s, "payload bytes"), strings.Index(s, "p50 delivery")
		if at < 0 || at > number || strings.Count(s, "payload bytes") != 1 {
			t.Errorf("%s: what differs stands at %d, the first number at %d:\n%.600s", name, at, number, s)
		}
	}
	c.Pairs[1].Residue = nil
	if c.alike() {
		t.Error("pairs in which different things differ are taken for alike")
	}
}

// A comparison of one-way times says by how much the clocks of the load generators may be wrong.
func TestCompareTellsOfClocks(t *testing.T) {
	base, other := reporttest.Trials(1, 5, 2000), reporttest.Trials(2, 5, 2400)
	about := func() int {
		n := 0
		for _, note := range two(t, base, other).Notes {
			if strings.Contains(note, "are ±2 ms, by the clocks of the load generators") {
				n++
			}
		}
		return n
	}
	if about() != 0 {
		t.Error("one process has two clocks")
	}
	other.Cells[3].Agents = []result.Agent{{BoundUs: 700}, {BoundUs: 1300}}
	if about() != 1 {
		t.Errorf("the notes are %q", two(t, base, other).Notes)
	}
}
