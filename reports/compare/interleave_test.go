package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// sequence makes a run of the trials of an axis in an order: "a1 b1 b2! a2" is trial 1 of a, then
// of b, then an invalid trial 2 of b.
func sequence(text string) *result.Run {
	run := &result.Run{Scenario: "s", Started: time.Unix(1, 0)}
	for i, word := range strings.Fields(text) {
		c := result.Cell{Params: map[string]string{"side": word[:1]}, Trial: int(word[1] - '0'), Verdict: result.Pass}
		if strings.HasSuffix(word, "!") {
			c.Verdict = result.Invalid
		}
		c.Started = time.Unix(int64(100*i), 0)
		run.Cells = append(run.Cells, c)
	}
	return run
}

func TestTrialsThatRanNextToEachOther(t *testing.T) {
	for _, tt := range []struct {
		order string
		pairs string // numbers of the trials, with a + where b ran first; "apart"
		alone int
	}{
		{"a1 b1 a2 b2 a3 b3", "1 2 3", 0},
		{"a1 b1 b2 a2 a3 b3 b4 a4", "1 2+ 3 4+", 0},
		{"a1 c1 b1 a2 c2 b2 a3 c3 b3", "1 2 3", 0},  // the third side is not of this pair
		{"a1 a2 a3 a4 b1 b2 b3 b4", "apart", 0},     // blocked
		{"a1 b1 a2 b2! b2 a3 b3", "1 2 3", 0},       // repeated at once
		{"a1 b1 a2 b2! a3 b3 a4 b4 b2", "1 3 4", 2}, // repeated at the end: the machine may be another one by then
		{"a1! b1 a2 b2 a3 b3 a1", "2 3", 2},
		{"a1! b1! a2 b2 a1 b1", "2 1", 0}, // both repeated
		{"a1 b1", "1", 0},
	} {
		run := sequence(tt.order)
		side := func(value string) (s side) {
			for i := range run.Cells {
				if c := &run.Cells[i]; c.Params["side"] == value {
					s.all = append(s.all, c)
				}
			}
			s.run = run
			s.sift()
			return s
		}
		p := Pair{base: side("a"), new: side("b")}
		p.interleave()
		got := "apart"
		if p.Interleaved {
			var words []string
			for i, c := range p.base.cells {
				word := fmt.Sprint(c.Trial)
				if p.newFirst(i) {
					word += "+"
				}
				if p.new.cells[i].Trial != c.Trial {
					word += " with another"
				}
				words = append(words, word)
			}
			got = strings.Join(words, " ")
		}
		if got != tt.pairs || p.alone != tt.alone {
			t.Errorf("%s: %s, %d alone; want %s, %d", tt.order, got, p.alone, tt.pairs, tt.alone)
		}
	}
}

// A pair between whose trials the run was interrupted and gone on with, perhaps a day later, is
// none.
func TestInterruptedPairs(t *testing.T) {
	run := sequence("a1 b1 a2 b2 b3 a3 b4 a4") // every 100 s
	run.Resumed = []time.Time{time.Unix(250, 0), time.Unix(600, 0)}
	c := compare(t, Options{By: "side"}, Input{Name: "x", Run: run})
	var pairs []int
	for _, cell := range c.Pairs[0].base.cells {
		pairs = append(pairs, cell.Trial)
	}
	if !slices.Equal(pairs, []int{1, 3, 4}) || c.Pairs[0].alone != 2 {
		t.Errorf("pairs %v, %d alone", pairs, c.Pairs[0].alone)
	}
}

// Two runs are interleaved where the clock says so: somebody ran them in turn, trial by trial.
// Trials that overlap ran on two machines, or in each other's way.
func TestRunsByTheClock(t *testing.T) {
	a, b := reporttest.Trials(1, 6, 2000), reporttest.Trials(2, 6, 2000) // of ten seconds
	at := func(first, step int) {
		for i := range a.Cells {
			if first < 0 { // as in results of programs that did not write it down
				a.Cells[i].Started, b.Cells[i].Started = time.Time{}, time.Time{}
				continue
			}
			a.Cells[i].Started, b.Cells[i].Started = time.Unix(int64(i*step), 0), time.Unix(int64(first+i*step), 0)
		}
	}
	for _, tt := range []struct {
		first, step int
		want        string // "": interleaved
	}{
		{12, 24, ""},
		{10, 20, ""}, // without a pause
		{1000, 10, "before and after ran one after the other, not interleaved"},
		{0, 12, "before and after ran at the same time"},
		{5, 12, "before and after ran at the same time"},
		{59, 10, "before and after ran at the same time"}, // the last of one, the first of the other
		{-1, 0, "before and after do not say when their trials ran"},
	} {
		at(tt.first, tt.step)
		c := compare(t, Options{Gates: gates(t, "p99(delivery) > +50%")}, Input{Name: "out/before", Run: a}, Input{Name: "out/after", Run: b})
		said := tt.want == "" || slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasPrefix(n, tt.want) })
		if f := c.Findings[0]; c.Pairs[0].Interleaved != (tt.want == "") || !said || f.Unjudged != (tt.want != "") {
			t.Errorf("every %d s, the second %d s later: interleaved %v, %q, %s", tt.step, tt.first, c.Pairs[0].Interleaved, c.Notes, f.line())
		}
	}
	a, b = reporttest.Trials(1, 1, 2000), reporttest.Trials(2, 1, 2000)
	at(12, 24)
	if two(t, a, b).Pairs[0].Interleaved {
		t.Error("two runs of one trial each are taken for interleaved")
	}
}

// drifting is a run of pairs of trials of two builds on a machine that slows down by half from the
// first to the last, and by some more from one pair to the next. The second takes change more CPU.
func drifting(seed uint64, n int, change, scatter float64) *result.Run {
	rnd := rand.New(rand.NewPCG(seed, 2))
	run := &result.Run{Scenario: "s", Started: time.Unix(int64(seed), 0)}
	for i := range n {
		machine := 1 + 0.5*float64(i)/float64(n) + 0.1*rnd.NormFloat64()
		pair := []string{result.BuildBase, result.BuildHead}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		for _, build := range pair {
			cpu := machine * math.Exp(scatter*rnd.NormFloat64())
			if build == "head" {
				cpu *= 1 + change
			}
			run.Cells = append(run.Cells, result.Cell{
				Params: map[string]string{"build": build}, Trial: i + 1, Verdict: result.Pass, Seconds: 10, Ledger: result.Ledger{Expected: 1000, Received: 1000},
				Server: result.Server{CPUs: cpu, DeliveriesPerCPUs: 1000 / cpu, RSSPerClientBytes: int64(1e6 * math.Exp(0.01*rnd.NormFloat64()))},
			})
		}
	}
	return run
}

func builds(t *testing.T, run *result.Run, texts ...string) *Comparison {
	t.Helper()
	return compare(t, Options{By: result.AxisBuild, Gates: gates(t, texts...)}, Input{Name: "x", Run: run})
}

// Thirteen pairs show 12 % more CPU within a drift of half; the same trials one after the other do
// not.
func TestPairsCancelTheDrift(t *testing.T) {
	run := drifting(3, 13, 0.12, 0.04)
	ch := builds(t, run).Pairs[0].change(cpuDelivery)
	if ch.Outcome != Worse || math.Abs(ch.Change-0.12) > 0.05 || *ch.P > 0.005 {
		t.Errorf("paired: %s, %.3f, p = %v", ch.Outcome, ch.Change, *ch.P)
	}
	slices.SortStableFunc(run.Cells, func(a, b result.Cell) int { return strings.Compare(a.Params["build"], b.Params["build"]) })
	c := builds(t, run, "cpu(delivery) > +5%")
	ch = c.Pairs[0].change(cpuDelivery)
	if c.Pairs[0].Interleaved || *ch.P < 0.05 {
		t.Errorf("apart: interleaved %v, p = %v", c.Pairs[0].Interleaved, *ch.P)
	}
	if f := c.Findings[0]; !f.Unjudged || f.Failed || !strings.Contains(f.Text, "not interleaved") {
		t.Errorf("the gate of trials one after the other: %+v", f)
	}
}

// The base of two builds is the base, whichever ran first.
func TestTheBaseOfBuilds(t *testing.T) {
	run := drifting(3, 13, 0.12, 0.04)
	run.Cells = run.Cells[2:] // the second pair begins with the head
	if c := builds(t, run); run.Cells[0].Params["build"] != "head" || c.Base != "base" || c.Pairs[0].change(cpuDelivery).Change < 0.05 {
		t.Errorf("%s is set against %s: %+v", c.Pairs[0].New, c.Base, c.Pairs[0].change(cpuDelivery))
	}
}

func TestGates(t *testing.T) {
	const failed, held, open = "failed", "held", "not decided"
	for _, tt := range []struct {
		name    string
		pairs   int
		change  float64
		scatter float64
		gate    string
		want    string
		says    string
	}{
		{"a change beyond the limit", 13, 0.12, 0.03, "cpu(delivery) > +5%", failed, "95 % interval"},
		{"the same, inverted", 13, 0.12, 0.03, "efficiency < -5%", failed, "-1"},
		{"equal, and it would have been found", 13, 0, 0.02, "cpu(delivery) > +5%", held, "or more would have been found"},
		{"equal, inverted", 13, 0, 0.02, "efficiency < -5%", held, "a change of -"},
		{"equal, but it could not have been found", 13, 0, 0.2, "cpu(delivery) > +5%", open, "this limit takes about"},
		{"a change that is not shown", 13, 0.1, 0.2, "cpu(delivery) > +5%", open, "or more would have been found; this limit takes"},
		{"a shown change well within the limit", 13, 0.06, 0.02, "cpu(delivery) > +20%", held, "+"},
		{"a shown change about as large as the limit", 13, 0.1, 0.03, "cpu(delivery) > +11%", open, "this limit takes"},
		{"better", 13, -0.2, 0.05, "cpu(delivery) > +1%", held, "-"},
		{"too few for any", 4, 0.5, 0.01, "cpu(delivery) > +5%", open, "too few trials (4 pairs) to find a change of any size; this limit takes about 7 pairs"},
		{"no limit at all", 13, 0, 0.02, "cpu(delivery) > 0%", open, "no number of trials can decide this limit"},
		{"a gain that was asked for is not there", 13, 0, 0.02, "cpu(delivery) > -20%", failed, "95 %"},
		{"a gain that was asked for is there", 13, -0.3, 0.02, "cpu(delivery) > -20%", held, "-"},
		{"a metric that is the same in all trials", 13, 0, 0.02, "loss(delivery) > +0%", held, "0 points"},
		{"a metric that nobody measured", 13, 0, 0.02, "p99(ack) > +10%", open, "not measured on both sides"},
	} {
		c := builds(t, drifting(5, tt.pairs, tt.change, tt.scatter), tt.gate)
		f := c.Findings[0]
		got := held
		switch {
		case f.Failed && f.Unjudged:
			got = "both"
		case f.Failed:
			got = failed
		case f.Unjudged:
			got = open
		}
		if got != tt.want || !strings.Contains(f.Text, tt.says) {
			t.Errorf("%s: %s: %s, want %s and %q", tt.name, got, f.line(), tt.want, tt.says)
		}
	}
}

// What it says to take is enough: with so many pairs the limit is decided.
func TestTheNumberOfPairsIsEnough(t *testing.T) {
	c := builds(t, drifting(7, 8, 0, 0.08), "cpu(delivery) > +5%")
	f := c.Findings[0]
	if !f.Unjudged || f.Needed < 30 || f.Needed > 250 {
		t.Fatalf("%+v", f)
	}
	if f := builds(t, drifting(8, f.Needed, 0, 0.08), "cpu(delivery) > +5%").Findings[0]; f.Unjudged || f.Failed {
		t.Errorf("with as many as it said to take: %s", f.line())
	}
}

// A change that is smaller than the limit, and whose interval ends beyond it: more pairs are needed
// than there are.
func TestMoreThanThereAre(t *testing.T) {
	for seed := range uint64(100) {
		c := builds(t, drifting(seed, 13, 0.026, 0.025), "cpu(delivery) > +5%")
		if f := c.Findings[0]; f.Unjudged && f.Needed <= 13 {
			t.Errorf("13 pairs: %s", f.line())
		}
	}
}

// sides compares the same trials as the values of an axis that is not of builds.
func sides(t *testing.T, run *result.Run, texts ...string) *Comparison {
	t.Helper()
	other := *run
	other.Cells = slices.Clone(run.Cells)
	for i := range other.Cells {
		other.Cells[i].Params = map[string]string{"side": run.Cells[i].Params[result.AxisBuild]}
	}
	return compare(t, Options{By: "side", Gates: gates(t, texts...)}, Input{Name: "x", Run: &other})
}

// Builds that ran in turn until there were pairs enough are tested at a part of the level, and the
// values of another axis at all of it: six pairs of one sign are 3.1 %, of 3.3 %.
func TestLookingCosts(t *testing.T) {
	run, text := drifting(3, 6, 0.12, 0.02), "cpu(delivery) > +5%"
	looked, fixed := builds(t, run, text), sides(t, run, text)
	if looked.Findings[0].Failed || !fixed.Findings[0].Failed || strings.Contains(fixed.method(), "looking") || !strings.Contains(looked.method(), "looking") {
		t.Errorf("builds in turn: %s\nanother axis: %s", looked.Findings[0].line(), fixed.Findings[0].line())
	}
	in := func(name, build string) Input {
		return Input{Name: name, Run: run, Select: map[string]string{result.AxisBuild: build}}
	}
	if short := builds(t, drifting(3, 3, 0.12, 0.02), text); !slices.ContainsFunc(short.Notes, func(n string) bool { return strings.HasSuffix(n, "(a larger --budget, or shorter trials).") }) {
		t.Errorf("of three pairs it notes %q", short.Notes)
	}
	apart := compare(t, Options{Gates: gates(t, text)}, in("./x#build=base", result.BuildBase), in("x#build=head", result.BuildHead))
	if apart.Findings[0].Failed || !strings.Contains(apart.method(), "looking") {
		t.Errorf("each build by its name: %s\n%s", apart.Findings[0].line(), apart.method())
	}
	for i := range run.Cells { // an axis of a scenario may have the name, too
		run.Cells[i].Params[result.AxisBuild] = map[string]string{result.BuildBase: "debug", result.BuildHead: "release"}[run.Cells[i].Params[result.AxisBuild]]
	}
	named := compare(t, Options{By: result.AxisBuild, Base: "debug", Gates: gates(t, text)}, Input{Name: "x", Run: run})
	if !named.Findings[0].Failed || strings.Contains(named.method(), "looking") {
		t.Errorf("a scenario's own axis: %s\n%s", named.Findings[0].line(), named.method())
	}
}

// Conditions are one family: a p-value that is enough for one of them alone is not for one of four.
func TestGatesAreOneFamily(t *testing.T) {
	texts := []string{"cpu(delivery) > +5%", "memory(client) > +5%", "p50(delivery) > +5%", "p99(delivery) > +5%"}
	run := drifting(3, 6, 0.12, 0.02)
	if one := sides(t, run, texts[0]).Findings[0]; !one.Failed {
		t.Errorf("one condition and six pairs: %s", one.line())
	}
	c := sides(t, run, texts[:2]...)
	if two := c.Findings[0]; two.Failed || !two.Unjudged {
		t.Errorf("one of two conditions, six pairs: %s", two.line())
	}
	if ch := c.Pairs[0].change(cpuDelivery); ch.Outcome != Untested || !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "fewer than 7 trials") }) {
		t.Errorf("%s, %q", ch.Outcome, c.Notes)
	}
}

func TestRatiosFigure(t *testing.T) {
	c := builds(t, drifting(3, 13, 0.12, 0.04), "cpu(delivery) > +5%")
	p := &c.Pairs[0]
	f := ratios("r", p)
	if f == nil || len(f.Panels) != 1 {
		t.Fatalf("%+v", f)
	}
	first, second := pointsOf(f, "base first"), pointsOf(f, "head first")
	if len(first) != 7 || len(second) != 6 || first[0].X != 1 || second[0].X != 2 {
		t.Errorf("%v %v", first, second)
	}
	ch := p.change(cpuDelivery)
	if a := f.Panels[0].Areas; len(a) != 1 || math.Abs(a[0].Low[0].Y-100*ch.Interval.Low) > 1e-9 {
		t.Errorf("the area %+v of %+v", a, ch.Interval)
	}
	if c := two(t, reporttest.Trials(1, 5, 1000), reporttest.Trials(2, 5, 1000)); ratios("r", &c.Pairs[0]) != nil {
		t.Error("trials one after the other are drawn as pairs")
	}
}

// It ends when the interval is narrow enough, and early where no trial measures what was asked for.
func TestNarrow(t *testing.T) {
	for _, tt := range []struct {
		pairs   int
		scatter float64
		gates   []string
		until   float64
		want    bool
	}{
		{13, 0.01, nil, 0.05, true},
		{13, 0.1, nil, 0.05, false},
		{13, 0.1, nil, 0.6, true},
		{13, 0.01, []string{"cpu(delivery) > +5%"}, 0, true},
		{13, 0.1, []string{"cpu(delivery) > +5%"}, 0, false},
		{13, 0.01, []string{"cpu(delivery) > +5%", "p99(ack) > +5%"}, 0, true},
		{3, 0.01, []string{"cpu(delivery) > +5%", "p99(ack) > +5%"}, 0, false},
		{2, 0.01, []string{"p99(ack) > +5%"}, 0, false},
		{3, 0.01, []string{"p99(ack) > +5%"}, 0, true},
		{3, 0.01, []string{"p99(ack) > +5%"}, 0.05, true},
	} {
		if got := builds(t, drifting(5, tt.pairs, 0, tt.scatter), tt.gates...).Narrow(tt.until); got != tt.want {
			t.Errorf("%d pairs that scatter by %v, %q, until %v: %v", tt.pairs, tt.scatter, tt.gates, tt.until, got)
		}
	}
}
