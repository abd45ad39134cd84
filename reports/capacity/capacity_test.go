package capacity

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

func TestCapacityText(t *testing.T) {
	var b strings.Builder
	if err := Of(reporttest.Sample("search")).Text(&b); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "capacity.txt", b.String())
	if Of(reporttest.Sample("pass")) != nil {
		t.Error("a run that is no search has a capacity")
	}
}

func TestCapacityConclusions(t *testing.T) {
	c := Of(reporttest.Sample("search"))
	if c.Operating != math.Floor(0.7*4967) && c.Operating != c.Knee {
		t.Errorf("run it at %v, knee %v", c.Operating, c.Knee)
	}
	if want := int(math.Ceil(100000/c.Operating)) + 1; c.Nodes != want {
		t.Errorf("%d nodes for 100 000 at %v, want %d", c.Nodes, c.Operating, want)
	}
	if e := c.BytesPerClient; e == nil || e.Low > 14000 || e.High < 14000 || e.High-e.Low > 200 {
		t.Errorf("14 000 bytes a client are estimated as %+v (%s)", e, c.BytesPerClientNote)
	}
	if c.USL == nil || c.USL.Shape != "linear" {
		t.Errorf("throughput in proportion is fitted as %+v (%s)", c.USL, c.USLNote)
	}
	if n := len(c.levels); n != 10 { // the invalid level is none
		t.Errorf("%d levels", n)
	}
}

// TestCapacityLines: what the answer says when there is less of it.
func TestCapacityLines(t *testing.T) {
	for want, change := range map[string]func(*result.Capacity){
		"One node of this size holds 4 967 viewers with 5 messages/s and p99(delivery) < 100ms":     func(*result.Capacity) {},
		"< 400ms, loss(delivery) == 0: it held in 4 of 4 trials; 5 187 broke in 4 of 4 trials. Run": func(*result.Capacity) {},
		"No level is confirmed: with": func(c *result.Capacity) { c.End, c.LowConfirmed, c.HighConfirmed = "budget", false, false },
		"5 187 broke in 4 of 4 trials, which is not confirmed. The budget was used up": func(c *result.Capacity) {
			c.End, c.HighConfirmed = "budget", false
		},
		"about 21 % come out the other way round): try longer ones, such as --set search.trial=8s": func(c *result.Capacity) {
			c.End, c.Noise = "noisy", 0.21
		},
		"At 2 levels between them trials went either way": func(c *result.Capacity) { c.Split = 2 },
		"holds at least 4 967 viewers":                    func(c *result.Capacity) { c.End, c.High, c.HighConfirmed = "at least", 0, false },
		"this machine allows no higher level":             func(c *result.Capacity) { c.End, c.High, c.LimitedBy = "at least", 0, "ulimit" },
		"does not hold 5 187 viewers":                     func(c *result.Capacity) { c.End, c.Low = "below", 0 },
		"The load generator was not fit to judge at 3 000 viewers, twice: p99(lag) < 1ms: 3ms.": func(c *result.Capacity) {
			c.End, c.High = "generator", 3000
		},
		"3ms. The server held 4 967 viewers in 4 of 4 trials; its capacity is not known": func(c *result.Capacity) {
			c.End, c.High = "generator", 3000
		},
		"the agents allow no higher level": func(c *result.Capacity) { c.End, c.High, c.LimitedBy = "at least", 0, "agents" },
		"it broke in 4 of 4 trials, which is not confirmed). The budget was used up before the search was over: --resume goes on with it. Begin lower": func(c *result.Capacity) {
			c.End, c.Low, c.HighConfirmed = "budget", 0, false
		},
		"the budget leaves no time for a trial":         func(c *result.Capacity) { c.End, c.Probes = "budget", nil },
		"not come to an answer. The budget was used up": func(c *result.Capacity) { c.End, c.Low, c.High = "budget", 0, 0 },
		"its capacity is not known":                     func(c *result.Capacity) { c.End, c.High = "generator", 8000 },
		"holds 4 967/s (rate of speaker)":               func(c *result.Capacity) { c.Raise, c.Unit = "groups.speaker.send[0].rate", "/s" },
		"No level was judged":                           func(c *result.Capacity) { c.End, c.Low, c.High = "open", 0, 0 },
		"ended before its first trial":                  func(c *result.Capacity) { c.Probes = nil },
	} {
		run := reporttest.Sample("search")
		change(run.Capacity)
		if run.Capacity.LimitedBy == "agents" {
			run.Cells[0].Agents = make([]result.Agent, 2)
		}
		if got := Of(run).Line; !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

// A word and a caption promise no more than there is.
func TestLowerBound(t *testing.T) {
	for _, tt := range []struct {
		end  string
		high float64
		word string
	}{{endFound, 5187, "found"}, {endAtLeast, 0, "lower bound"}, {endBudget, 0, "lower bound"}} {
		run := reporttest.Sample("search")
		run.Capacity.End, run.Capacity.High = tt.end, tt.high
		c := Of(run)
		f := Figures(c)[0]
		if banded := len(f.Panels[0].Bands) > 0; c.Word() != tt.word || banded != strings.Contains(f.Caption, "grey band") || banded != (tt.high > 0) {
			t.Errorf("%s: %q, %d bands: %s", tt.end, c.Word(), len(f.Panels[0].Bands), f.Caption)
		}
	}
}

// What was not read is said once, with what to do.
func TestServerThatWasNotRead(t *testing.T) {
	run := reporttest.Sample("search")
	for i := range run.Cells {
		run.Cells[i].Server = result.Server{Target: "http://127.0.0.1:3000", SameMachine: true}
	}
	c := Of(run)
	var text strings.Builder
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	const want = "--set target.sample.pid=PID"
	if !strings.Contains(c.BytesPerClientNote, want) || !strings.Contains(LevelsTable(c).Note, want) || strings.Count(text.String(), want) != 1 {
		t.Errorf("%q, %q\n%s", c.BytesPerClientNote, LevelsTable(c).Note, text.String())
	}
	// Prometheus may have told the memory alone.
	for i := range run.Cells {
		run.Cells[i].Server.RSSPeakBytes = 50 << 20
	}
	if c := Of(run); LevelsTable(c).Note != "Medians of the valid trials of a level." || c.memoryNote() == "" {
		t.Errorf("%q, %q", LevelsTable(c).Note, c.memoryNote())
	}
}

func TestCriteria(t *testing.T) {
	c := &reporttest.Sample("invalid").Cells[0]
	got := strings.Join(Criteria(c), "\n")
	for _, want := range []string{"FAIL [p99(delivery) 111 ms < 100 ms]", "PASS [loss(delivery) 0 == 0]", "INVALID [p99(lag) 12.4 ms < 1 ms]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestWhatBreaksFirst: the check that most trials at the level broke is named, with what the first
// of these trials found; a trial whose cell is lost counts by its reason.
func TestWhatBreaksFirst(t *testing.T) {
	broken := func(text string) result.Cell {
		return result.Cell{Checks: []result.Check{
			{Text: "an optional one", Kind: result.KindSLO, Optional: true}, {Text: "one that held", Kind: result.KindSLO, Pass: true}, {Text: text, Kind: result.KindSLO},
		}}
	}
	run := &result.Run{Cells: []result.Cell{broken("a"), broken("b"), broken("b"), broken("a")}}
	run.Capacity = &result.Capacity{High: 2, Probes: []result.Probe{
		{Level: 2, Verdict: "broke", Cell: 1, Reason: "a: 1"},
		{Level: 2, Verdict: "broke", Cell: 2, Reason: "b: 2"},
		{Level: 2, Verdict: "broke", Cell: 3, Reason: "b: 3"},
		{Level: 1, Verdict: "broke", Cell: 4, Reason: "a: 4"},
		{Level: 2, Verdict: "broke", Reason: "c: 5"},
	}}
	if got := Of(run).Reason; got != "b: 2" {
		t.Errorf("got %q, want the first of the two that broke b", got)
	}
	run.Capacity.Probes = run.Capacity.Probes[4:]
	if got := Of(run).Reason; got != "c: 5" {
		t.Errorf("got %q of a trial whose cell is lost", got)
	}
}

// TestCapacityOfNodes: a search over the number of nodes is about the machine that they share, and
// says so; it names no load to run a node at.
func TestCapacityOfNodes(t *testing.T) {
	run := reporttest.Sample("search")
	level := map[float64]float64{}
	for i := range run.Capacity.Probes {
		p := &run.Capacity.Probes[i]
		if level[p.Level] == 0 {
			level[p.Level] = float64(len(level) + 1)
		}
		if p.Level = level[p.Level]; p.Cell > 0 {
			run.Cells[p.Cell-1].Nodes = &result.Nodes{List: make([]result.Node, int(p.Level))}
		}
	}
	run.Capacity.Raise, run.Capacity.Low, run.Capacity.High = "server.nodes", level[run.Capacity.Low], level[run.Capacity.High]
	for i := range run.Cells {
		run.Cells[i].Server.SameMachine = true
	}
	run.Env["cores"] = "2"
	c := Of(run)
	if c.USL == nil || !strings.Contains(c.USLNote, "All nodes shared the 2 cores of this machine") {
		t.Errorf("the fit %+v says %q", c.USL, c.USLNote)
	}
	if !strings.HasPrefix(c.Line, "This machine holds") || !strings.Contains(c.Line, " nodes with ") || c.Operating != 0 || c.Nodes != 0 || c.BytesPerClient != nil {
		t.Errorf("got %s; operating %v, nodes %v, bytes %v", c.Line, c.Operating, c.Nodes, c.BytesPerClient)
	}
}

// Where more load was easier, or less of it harder, the answer names the levels.
func TestLevelsThatDisagree(t *testing.T) {
	run := reporttest.Sample("search")
	if line := Of(run).Line; strings.Contains(line, "agrees") {
		t.Error(line)
	}
	c := run.Capacity
	low, high := 0.0, 0.0
	for i := range c.Probes {
		switch p := &c.Probes[i]; {
		case p.Level < c.Low && p.Verdict == "held" && (low == 0 || p.Level == low):
			low, p.Verdict = p.Level, "broke"
		case p.Level > c.High && p.Verdict == "broke" && (high == 0 || p.Level == high):
			high, p.Verdict = p.Level, "held"
		}
	}
	found := Of(run)
	want := fmt.Sprintf("Not every other level agrees: %s broke %s, %s held %s.", found.show(low), found.outcomes(low, "broke"), found.show(high), found.outcomes(high, "held"))
	if want = strings.ReplaceAll(want, layout.Nbsp, " "); low == 0 || high == 0 || !strings.Contains(found.Line, want) {
		t.Errorf("%s\nwant %s", found.Line, want)
	}
}

// A trial whose result is lost was not invalid for that.
func TestLostResultIsNotInvalid(t *testing.T) {
	run := reporttest.Sample("search")
	facts := func() string {
		for _, row := range Facts(Of(run)).Rows {
			if row[0] == "measured" {
				return row[1]
			}
		}
		return ""
	}
	before := facts()
	for i := range run.Capacity.Probes[:2] {
		run.Capacity.Probes[i].Cell = 0
	}
	if got := facts(); got == "" || got != before {
		t.Errorf("%q, and with all results %q", got, before)
	}
}

// A level that the generator could not judge did not break, also where a trial there was valid.
func TestNotJudgedIsNotBroken(t *testing.T) {
	run := reporttest.Sample("search")
	run.Capacity.End, run.Capacity.High = "generator", run.Capacity.Low
	var b strings.Builder
	if err := Of(run).Text(&b); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "(breaks)") || !strings.Contains(text, "4 967 (not judged)") {
		t.Error(text)
	}
}

// What an invalid trial says is not what breaks first.
func TestWhatBreaksIsTheServer(t *testing.T) {
	run := &result.Run{Capacity: &result.Capacity{High: 2, Probes: []result.Probe{
		{Level: 2, Verdict: "invalid", Reason: "p99(lag) < 1ms: 3ms"},
		{Level: 2, Verdict: "broke", Reason: "p99(delivery) < 1ms: 2ms"},
	}}}
	if got := Of(run).Reason; got != "p99(delivery) < 1ms: 2ms" {
		t.Errorf("got %q", got)
	}
}

// 70 % of one client is none: there is no load to run a node at, though one holds.
func TestCapacityOfOne(t *testing.T) {
	run := reporttest.Sample("search")
	c := run.Capacity
	for i := range c.Probes {
		switch p := &c.Probes[i]; p.Level {
		case c.Low:
			p.Level = 1
		case c.High:
			p.Level = 2
		}
	}
	c.Low, c.High = 1, 2
	if got := Of(run); got.Operating != 0 || got.OperatingNote != "" || got.Nodes != 0 || !strings.Contains(got.Line, "A node that holds 1 viewers has no room to spare") {
		t.Errorf("%v, %q: %s", got.Operating, got.OperatingNote, got.Line)
	}
}

// A note on the knee counts the levels that it is about: those whose trials have the samples that a p99 takes.
func TestKneeCountsLevels(t *testing.T) {
	run := reporttest.Sample("search")
	if c := Of(run); !strings.HasSuffix(c.KneeNote, "(Kneedle on 10 levels).") {
		t.Errorf("%q", c.KneeNote)
	}
	short := map[float64]bool{}
	for _, p := range run.Capacity.Probes {
		if p.Cell > 0 && (short[p.Level] || len(short) < 6) {
			short[p.Level] = true
			run.Cells[p.Cell-1].Latency["delivery"].N = 999
		}
	}
	if c := Of(run); c.KneeNote != "No knee: 4 of 10 levels had trials with the 1 000 samples that a p99 takes; 6 or more are needed." {
		t.Errorf("%q", c.KneeNote)
	}
}
