package sentences

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// TestWhyACellDidNotPass: the first sentence names what decided, by the values of the checks and of
// the ending, whatever the texts are.
func TestWhyACellDidNotPass(t *testing.T) {
	slow := result.Check{Text: "p99(delivery) < 100ms", Stat: "p99", Metric: "delivery", Kind: result.KindSLO, Value: 0.143, Unit: "s"}
	lossy := result.Check{Text: "loss(delivery) == 0", Stat: "loss", Metric: "delivery", Kind: result.KindSLO, Value: 0.02, Unit: "share"}
	lag := result.Check{Text: "p99(lag) < 1ms", Stat: "p99", Metric: "lag", Kind: result.KindValid, Value: 0.003, Unit: "s"}
	open := result.Check{Text: "undecided(delivery) < 5%", Stat: "undecided", Metric: "delivery", Kind: result.KindValid, Value: 0.06, Unit: "share"}
	optional, empty, met := slow, slow, slow
	optional.Optional, empty.NoData, met.Pass = true, true, true
	noted := empty
	noted.Note = "no samples"
	const reason = "p99(delivery) < 100ms: 143 ms"
	for name, tt := range map[string]struct {
		verdict  result.Verdict
		reason   string
		checks   []result.Check
		evidence *result.Evidence
		want     string
	}{
		"one check":    {result.Fail, reason, []result.Check{slow}, nil, "Check broken: p99(delivery) < 100ms, it was 143 ms."},
		"two checks":   {result.Fail, reason, []result.Check{slow, lossy}, nil, "Checks broken: p99(delivery) < 100ms, it was 143 ms; loss(delivery) == 0, it was 2 %."},
		"not the met":  {result.Fail, reason, []result.Check{met, lossy}, nil, "Check broken: loss(delivery) == 0, it was 2 %."},
		"not optional": {result.Fail, reason, []result.Check{optional, lossy}, nil, "Check broken: loss(delivery) == 0, it was 2 %."},
		"no samples":   {result.Fail, reason, []result.Check{empty}, nil, "Check broken: p99(delivery) < 100ms, but there were no samples."},
		"the cause first": {
			result.Fail, reason,
			[]result.Check{noted, lossy},
			nil,
			"Checks broken: loss(delivery) == 0, it was 2 %; p99(delivery) < 100ms, but there were no samples.",
		},
		"the server ended": {
			result.Fail, "the server exited by itself after 2 s",
			[]result.Check{slow},
			&result.Evidence{Ending: result.EndServerGone},
			"The server exited by itself after 2 s.",
		},
		"a server that stayed": {result.Fail, "other words", []result.Check{slow}, &result.Evidence{Ending: "ran_out"}, "Check broken: p99(delivery) < 100ms, it was 143 ms."},
		"the generator":        {result.Invalid, "p99(lag) < 1ms: 3 ms", []result.Check{slow, lag}, nil, "The generator was not fit to judge: p99(lag) < 1ms, it was 3 ms."},
		"undecided deliveries": {result.Invalid, "undecided(delivery) < 5%: 6 %", []result.Check{slow, open}, nil, "Too much is undecided: undecided(delivery) < 5%, it was 6 %."},
		"undecided, and a fault did not happen": {
			result.Invalid, "the fault in hold did not happen",
			[]result.Check{open},
			nil,
			"The fault in hold did not happen.",
		},
		"and the generator": {
			result.Invalid, "undecided(delivery) < 5%: 6 %",
			[]result.Check{lag, open},
			nil,
			"The generator was not fit to judge: p99(lag) < 1ms, it was 3 ms; undecided(delivery) < 5%, it was 6 %.",
		},
		"the contract": {
			result.Invalid, "the contract does not fit: no event echo",
			[]result.Check{lag},
			&result.Evidence{Mismatch: "no event echo"},
			"The contract does not fit: no event echo.",
		},
		"no verdict": {"", "", nil, nil, "The run has no verdict."},
	} {
		c := &result.Cell{Verdict: tt.verdict, Reason: tt.reason, Checks: tt.checks, Evidence: tt.evidence}
		if got := strings.ReplaceAll(CellSentence(c), layout.Nbsp, " "); !strings.HasPrefix(got, tt.want+" ") {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.want)
		}
	}
}

// TestRemedy: a busy generator gets advice that fits it alone.
func TestRemedy(t *testing.T) {
	lag := result.Check{Text: "p99(lag) < 1ms", Stat: "p99", Metric: "lag", Kind: result.KindValid, Value: 0.003, Unit: "s"}
	lost, optional := lag, lag
	lost.Stat, lost.Metric, optional.Optional = "errors", "agent.lost", true
	for name, tt := range map[string]struct {
		verdict result.Verdict
		cell    result.Cell
		advice  bool
	}{
		"busy":                    {result.Invalid, result.Cell{Verdict: result.Invalid, Checks: []result.Check{lag}}, true},
		"busy, and repeated":      {result.Pass, result.Cell{Verdict: result.Invalid, Checks: []result.Check{lag}}, false},
		"interrupted":             {result.Invalid, result.Cell{Verdict: result.Invalid, Interrupted: true, Checks: []result.Check{lag}}, false},
		"an agent was lost":       {result.Invalid, result.Cell{Verdict: result.Invalid, Checks: []result.Check{lost}}, false},
		"an optional rule":        {result.Invalid, result.Cell{Verdict: result.Invalid, Checks: []result.Check{optional}}, false},
		"another contract":        {result.Invalid, result.Cell{Verdict: result.Invalid, Checks: []result.Check{lag}, Evidence: &result.Evidence{Mismatch: "no event echo"}}, false},
		"the target was at fault": {result.Fail, result.Cell{Verdict: result.Fail, Checks: []result.Check{lag}}, false},
	} {
		if got := Remedy(&result.Run{Verdict: tt.verdict, Cells: []result.Cell{tt.cell}}); (got != "") != tt.advice {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestRemedyByFixedLimits: limits of one's own are a way out only where they alone would do.
func TestRemedyByFixedLimits(t *testing.T) {
	own := result.Check{Text: "the generator's own part of p99(delivery)", Kind: result.KindValid, Implied: true, Value: 0.003, Limit: 0.001, Unit: "s"}
	cpu := result.Check{Text: "max(cpu) < 90%", Stat: "max", Metric: "cpu", Kind: result.KindValid, Value: 0.95}
	met := cpu
	met.Pass = true
	cell := func(lag, receive int64, checks ...result.Check) result.Cell {
		c := result.Cell{Verdict: result.Invalid, Reason: own.Text + ": 3 ms", Checks: checks}
		c.Generator.Lag, c.Generator.LagReceive = &result.Latency{N: 2000, P99us: lag}, &result.Latency{N: 2000, P99us: receive}
		return c
	}
	undecided := result.Check{Text: "p99.9(delivery) < 1s", Kind: result.KindSLO, Undecided: true}
	unfit := cell(3000, 3000, own)
	unfit.Reason = "the fault did not go as planned"
	fleet := cell(3000, 3000, own)
	fleet.Agents = make([]result.Agent, 2)
	unknown := cell(3000, 3000, own)
	unknown.Generator.LagReceive = nil
	for name, tt := range map[string]struct {
		cells  []result.Cell
		limits bool
	}{
		"its own part":         {[]result.Cell{cell(3000, 3000, met, own)}, true},
		"the processor, too":   {[]result.Cell{cell(3000, 3000, cpu, own)}, false},
		"another cell's":       {[]result.Cell{cell(3000, 3000, own), cell(3000, 3000, cpu)}, false},
		"too late in sending":  {[]result.Cell{cell(50_000, 3000, own)}, false},
		"too late in reading":  {[]result.Cell{cell(3000, 100_000, own)}, false},
		"too few samples":      {[]result.Cell{cell(3000, 3000, undecided, own)}, false},
		"agents":               {[]result.Cell{fleet}, false},
		"something else":       {[]result.Cell{unfit}, false},
		"reading is not known": {[]result.Cell{unknown}, false},
	} {
		got := Remedy(&result.Run{Verdict: result.Invalid, Cells: tt.cells})
		if !strings.HasPrefix(got, "End other programs") || strings.Contains(got, "valid: [p99(lag) < 50ms, p99(lag.receive) < 100ms]") != tt.limits {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWarningsOfSeveralCells(t *testing.T) {
	cell := func(ws ...string) result.Cell { return result.Cell{Warnings: ws} }
	run := &result.Run{Warnings: []string{"of the run"}, Cells: []result.Cell{
		cell("3 clients failed", "only here"), cell("4 clients failed"), cell("5.5 clients failed"), cell(), cell("6 clients failed"),
	}}
	want := "of the run|cell-01: 3 clients failed; also in 3 other cells|cell-01: only here"
	if got := strings.Join(Warnings(run), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	run.Cells = run.Cells[:2]
	if got, want := Warnings(run)[1], "cell-01: 3 clients failed; also cell-02"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	run.Cells[0].Params = map[string]string{"broker": "nats", "nodes": "3"}
	run.Cells[1].Params = map[string]string{"broker": "redis", "nodes": "3"}
	if got, want := Warnings(run)[1], "cell-01 (nats): 3 clients failed; also cell-02 (redis)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
