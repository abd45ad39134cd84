package reports

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

func TestCapacityText(t *testing.T) {
	var b strings.Builder
	if err := CapacityOf(sample("search")).Text(&b); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "capacity.txt", b.String())
	if CapacityOf(sample("pass")) != nil {
		t.Error("a run that is no search has a capacity")
	}
}

func TestCapacityConclusions(t *testing.T) {
	c := CapacityOf(sample("search"))
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
		"its capacity is not known":       func(c *result.Capacity) { c.End, c.High = "generator", 8000 },
		"holds 4 967/s (rate of speaker)": func(c *result.Capacity) { c.Raise, c.Unit = "groups.speaker.send[0].rate", "/s" },
		"No level was judged":             func(c *result.Capacity) { c.End, c.Low, c.High = "open", 0, 0 },
		"ended before its first trial":    func(c *result.Capacity) { c.Probes = nil },
	} {
		run := sample("search")
		change(run.Capacity)
		if got := CapacityOf(run).Line; !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

func TestLatencyAgainstLoad(t *testing.T) {
	run := sample("search")
	p := figureOf(t, run, "latency-load").Panels[0]
	pts := line(t, p, "p99 delivery").Points
	if len(pts) != 10 || !slices.IsSortedFunc(pts, func(a, b draw.Point) int { return int(a.X - b.X) }) {
		t.Fatalf("points %v", pts)
	}
	for _, pt := range pts {
		var vs []float64
		for i := range run.Capacity.Probes {
			if pr := run.Capacity.Probes[i]; pr.Level == pt.X && pr.Verdict != "invalid" {
				vs = append(vs, float64(run.Cells[i].Latency["delivery"].P99us)/1e3)
			}
		}
		if math.Abs(median(vs)-pt.Y) > 1e-9 {
			t.Errorf("at %v: %v, trials %v", pt.X, pt.Y, vs)
		}
	}
	if void := line(t, p, "p99, invalid: not about the server").Points; len(void) != 1 || void[0].X != 3000 {
		t.Errorf("invalid trials at %v", void)
	}
	// The rule about another metric stands beside them, with its own values and limit.
	if own := line(t, p, "p99.9(fanout.last)").Points; len(own) != 10 || own[0].Y != 120 || !slices.ContainsFunc(p.Rules, func(r draw.Rule) bool { return r.At == 400 }) {
		t.Errorf("p99.9(fanout.last): %v, rules %v", own, p.Rules)
	}
	if b := p.Bands[0]; b.From != 4967 || b.To != 5187 {
		t.Errorf("the band is %+v", b)
	}
}

func TestSearchJournalLeadsToTheTrials(t *testing.T) {
	run := sample("search")
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Trials.Rows) != 18 || len(p.Trials.Links) != 18 || p.Word != "found" {
		t.Fatalf("%q, %d rows, %d links", p.Word, len(p.Trials.Rows), len(p.Trials.Links))
	}
	if got := strings.ReplaceAll(p.Sections[2].Heading, nbsp, " "); got != "Trial 3: 4 000 viewers, probe" {
		t.Errorf("the third trial is %q", got)
	}
	page, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range p.Trials.Links {
		if !strings.Contains(string(page), `href="#`+link+`"`) || !strings.Contains(string(page), ` id="`+link+`"`) {
			t.Errorf("the page does not lead to %s", link)
		}
	}
	f := figureOf(t, run, "search-journal").Panels[0]
	if h, b, v := line(t, f, "held").Points, line(t, f, "broke").Points, line(t, f, "invalid: the generator was the limit").Points; len(h) != 10 || len(b) != 7 || len(v) != 1 || v[0] != (draw.Point{X: 18, Y: 3000}) {
		t.Errorf("%d held, %d broke, invalid %v", len(h), len(b), v)
	}
}

func TestCriteria(t *testing.T) {
	c := &sample("invalid").Cells[0]
	got := strings.Join(Criteria(c), "\n")
	for _, want := range []string{"FAIL [p99(delivery) 111 ms < 100ms]", "PASS [loss(delivery) 0 == 0]", "INVALID [p99(lag) 12.4 ms < 1ms]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
