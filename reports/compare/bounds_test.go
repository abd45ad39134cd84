package compare

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// inPairs is a run of n pairs of trials of two builds, which change gives what they measured.
func inPairs(n int, change func(c *result.Cell, build string, i int)) *result.Run {
	run := &result.Run{Scenario: "s", Started: time.Unix(1, 0)}
	for i := range n {
		pair := []string{result.BuildBase, result.BuildHead}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		for _, build := range pair {
			c := result.Cell{Params: map[string]string{result.AxisBuild: build}, Trial: i + 1, Verdict: result.Pass, Seconds: 10, Latency: map[string]*result.Latency{}}
			change(&c, build, i)
			run.Cells = append(run.Cells, c)
		}
	}
	return run
}

// calls are of a trial with n calls, of which some were not answered within a second.
func calls(n, never int, each time.Duration) *result.Latency {
	s := result.Samples{Ended: result.NewHistogram(), Never: result.NewHistogram()}
	for range n - never {
		result.Record(s.Ended, each)
	}
	for range never {
		result.Record(s.Never, time.Second)
	}
	return s.Latency()
}

// A p99 among calls that were never answered is only known to be more than the timeout: a condition
// holds only where that cannot break it.
func TestGatesOfWhatNeverCame(t *testing.T) {
	const failed, held, open = "failed", "held", "not decided"
	all, none := func(int) int { return 100 }, func(int) int { return 0 }
	one := func(i int) int {
		if i == 3 {
			return 100
		}
		return 0
	}
	nearly := func(int) int { return 1990 }
	for _, tt := range []struct {
		name       string
		base, head func(i int) int // of two thousand calls, those without an answer
		gate, want string
		sentence   string
	}{
		{"head alone", none, all, "p99(ack) > +10%", failed, "in head"},
		{"nearly all of head", none, nearly, "p99(ack) > +10%", failed, "> 1 s in head"},
		{"both", all, all, "p99(ack) > +10%", open, "no difference is shown: > 1 s in base, > 1 s in head (12 pairs of trials). In 12 trials more never came"},
		{"both, the other way", all, all, "p99(ack) < -10%", open, "> 1 s in base"},
		{"base alone", all, none, "p99(ack) > +10%", held, "is 99 % lower: > 1 s in base"},
		{"base alone, the other way", all, none, "p99(ack) < -10%", failed, "lower"},
		{"one trial of head", none, one, "p99(ack) > +10%", open, "no difference is shown"},
		{"a gain that was asked for is there", all, none, "p99(ack) > -20%", held, "lower"},
		{"whether it is there is not known", all, all, "p99(ack) > -20%", open, "no difference"},
		{"none", none, none, "p99(ack) > +20%", held, "A change of"},
	} {
		run := inPairs(12, func(c *result.Cell, build string, i int) {
			never, scatter := tt.base, i%3
			if build == result.BuildHead {
				never, scatter = tt.head, (i+1)%3
			}
			c.Latency["ack"] = calls(2000, never(i), 5*time.Millisecond+time.Duration(scatter)*20*time.Microsecond)
		})
		c := builds(t, run, tt.gate)
		got := held
		switch f := c.Findings[0]; {
		case f.Failed:
			got = failed
		case f.Unjudged:
			got = open
		}
		if got != tt.want || !strings.Contains(c.Sentence(), tt.sentence) {
			t.Errorf("%s: %s, want %s: %s\n%s", tt.name, got, tt.want, c.Findings[0].line(), c.Sentence())
		}
		if says := strings.Contains(c.Findings[0].Text, "wait longer for it"); says != (tt.want == open) {
			t.Errorf("%s: %s", tt.name, c.Findings[0].line())
		}
		for _, pt := range shiftPoints(c) {
			if pt.Percentile > 94 && pt.Base >= 1e6 {
				t.Errorf("%s: p%v is drawn at the timeout", tt.name, pt.Percentile)
			}
		}
		if tt.name != "both" { // drawing takes long
			continue
		}
		if _, err := c.HTML(); err != nil {
			t.Error(err)
		}
	}
}

// Trials without a value of a metric are left out of it, and that is said.
func TestTrialsWithoutAValue(t *testing.T) {
	run := inPairs(9, func(c *result.Cell, build string, i int) {
		n := 2000
		if build == result.BuildHead && i < 2 {
			n = 500
		}
		c.Latency["ack"] = calls(n, 0, time.Duration(5000+i)*time.Microsecond)
	})
	c := builds(t, run)
	if n := c.Pairs[0].change("p99(ack)").NewN; n != 7 || !slices.Contains(c.Notes, "Left out, as the trial has too few samples for it: p99 ack in 2 trials.") {
		t.Errorf("%d trials have a p99: %q", n, c.Notes)
	}
}

// A build that delivers nothing has lost all of the rate; of nothing no per cent can be lost.
func TestChangesToAndFromNothing(t *testing.T) {
	rates := func(silent string) *result.Run {
		return inPairs(9, func(c *result.Cell, build string, i int) {
			c.Ledger.Expected = 1000
			if build != silent {
				c.Rates.DeliveriesPerS, c.Ledger.Received = float64(100+i), 1000
			}
			c.Ledger.Lost = c.Ledger.Expected - c.Ledger.Received
		})
	}
	for _, tt := range []struct {
		silent, says string
		failed       bool
	}{
		{result.BuildHead, "FAILED: -100 % (95 % interval -100 % to -100 %)", true},
		{result.BuildBase, "NOT DECIDED: +104: it is 0 in a trial of base", false},
	} {
		c := builds(t, rates(tt.silent), "rate(delivery) < -5%")
		if f := c.Findings[0]; f.Failed != tt.failed || f.Unjudged == tt.failed || !strings.Contains(f.line(), tt.says) {
			t.Errorf("%s delivers nothing: %s", tt.silent, f.line())
		}
		if lost := c.Pairs[0].change("loss(delivery)"); lost.showChange(lost.Change) != map[bool]string{true: "+", false: "-"}[tt.failed]+"100\u00a0points" {
			t.Errorf("%s delivers nothing: %s of deliveries are lost", tt.silent, lost.showChange(lost.Change))
		}
		var data, text, markdown bytes.Buffer
		for _, err := range []error{c.JSON(&data), c.Text(&text), c.Markdown(&markdown)} {
			if err != nil {
				t.Errorf("%s delivers nothing: %v", tt.silent, err)
			}
		}
		page, err := c.HTML()
		if err != nil || strings.Contains(string(page), "NaN") || strings.Contains(text.String(), "Inf") {
			t.Errorf("%s delivers nothing: %v\n%s", tt.silent, err, text.String())
		}
		if err := c.GateText(&text); err != nil {
			t.Error(err)
		}
	}
}

// What is the same in all trials is said so, without a size of change that would have been found.
func TestSameInAllTrials(t *testing.T) {
	c := builds(t, drifting(5, 13, 0, 0.02), "loss(delivery) > +0%")
	if got, want := pairSentence(&c.Pairs[0]), "Deliveries lost: the same on both sides in all trials: 0"; !strings.HasPrefix(got, want) || strings.Contains(got, "would have been found") {
		t.Errorf("%s", got)
	}
}

func shiftPoints(c *Comparison) []ShiftPoint {
	if s := c.Pairs[0].Shift; s != nil {
		return s.Points
	}
	return nil
}

// What only one side has is in no table, and said.
func TestWhatOnlyOneSideHas(t *testing.T) {
	run := inPairs(7, func(c *result.Cell, build string, i int) {
		c.Latency["connect"] = calls(2000, 0, time.Duration(5000+i)*time.Microsecond)
		if build == result.BuildBase {
			c.Latency["ack"] = calls(30, 0, time.Duration(5000+i)*time.Microsecond)
		}
	})
	c := builds(t, run, "p50(ack) > +10%")
	const want = "head has no value, or too few samples, of p50 ack, which base has: not compared."
	if f := c.Findings[0]; !f.Unjudged || !slices.Contains(c.Notes, want) || c.Pairs[0].change("p50(connect)") == nil {
		t.Errorf("%s\n%q", f.line(), c.Notes)
	}
}
