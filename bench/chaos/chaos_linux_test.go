package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/internal/manual"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Every workload meets every fault that can happen to it, and each cell has one expectation.
func TestPlan(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cells := plan(o.loads, o.faults, false)
	have := map[string]bool{}
	for _, c := range cells {
		have[c.name()] = true
		if c.want == nil {
			t.Errorf("%s: nothing is expected of it", c.name())
		}
	}
	if len(have) != len(cells) {
		t.Errorf("%d cells, of which %d differ", len(cells), len(have))
	}
	loads := []string{"broadcast", "rooms", "echo", "recovery", "cluster", "fleet"}
	for _, f := range []string{"latency", "jitter", "bandwidth", "reset", "half-open", "server-stopped", "server-killed"} {
		for _, w := range loads {
			if !have[w+"/"+f] {
				t.Errorf("%s never meets %s", w, f)
			}
		}
	}
	for _, name := range []string{"fleet/agent-stopped", "fleet/agent-killed", "fleet/broker-stopped", "fleet/broker-killed", "cluster/broker-stopped", "cluster/broker-killed"} {
		if !have[name] {
			t.Errorf("there is no %s", name)
		}
	}
	rows := 0
	for _, e := range expected {
		rows += len(strings.Fields(e.workloads))
	}
	if rows != len(cells) {
		t.Errorf("%d cells are expected, and %d planned", rows, len(cells))
	}
	brief := plan(o.loads, o.faults, true)
	for _, f := range faults {
		if n := len(slices.DeleteFunc(slices.Clone(brief), func(c *cell) bool { return c.fault != f })); n != 1 {
			t.Errorf("a quick run has %s %d times", f.name, n)
		}
	}
}

// Every scenario can be run, and is over in the time that a whole run has.
func TestScenarios(t *testing.T) {
	took := time.Duration(0)
	for _, c := range plan(names(workloads), names(faults), false) {
		at := [][]string{nil, {"http://127.0.0.1:1"}, nil, {"http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"}}[c.load.nodes]
		act := strings.NewReplacer("{server}", "1", "{agent}", "2", "{broker}", "3").Replace(c.fault.act)
		if c.fault.outside != nil {
			at = nil
		}
		f, err := file.Parse(c.name(), []byte(c.load.scenario(c.fault, whole, at, act)), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name(), err)
			continue
		}
		for i := range f.Spec.Phases {
			took += f.Spec.Phases[i].For
		}
	}
	if took > 15*time.Minute {
		t.Errorf("the phases of all cells take %s", took)
	}
}

// What a cell must not be is seen: each of these results is wrong for one reason.
func TestJudge(t *testing.T) {
	latency, reset := cellOf(t, "rooms", "latency"), cellOf(t, "rooms", "reset")
	for name, x := range map[string]struct {
		cell   *cell
		change func(r *result.Cell)
		code   int
		end    string
		says   string
	}{
		"as expected":        {cell: latency, change: func(*result.Cell) {}, end: held},
		"another exit code":  {cell: latency, change: func(*result.Cell) {}, code: 1, end: wrong, says: "exit code 1, want 0"},
		"another verdict":    {cell: latency, change: func(r *result.Cell) { r.Verdict = result.Fail }, code: 1, end: wrong, says: "the verdict is fail"},
		"a sum":              {cell: latency, change: func(r *result.Cell) { r.Ledger.Expected++ }, end: wrong, says: "expected 101 deliveries"},
		"messages":           {cell: latency, change: func(r *result.Cell) { r.Messages.Dropped++ }, end: wrong, says: "1 dropped"},
		"twice":              {cell: latency, change: func(r *result.Cell) { r.Ledger.Duplicate = 2 }, end: wrong, says: "2 deliveries twice"},
		"unknown":            {cell: latency, change: func(r *result.Cell) { r.Errors["delivery.unknown"] = 3 }, end: wrong, says: "3 errors delivery.unknown"},
		"latencies":          {cell: latency, change: func(r *result.Cell) { r.Latency[metric.Delivery].N = 7 }, end: wrong, says: "there are 7 latencies"},
		"lost without cause": {cell: latency, change: lose(4), end: wrong, says: "this fault explains none"},
		"connections ended":  {cell: latency, change: away(5), end: wrong, says: "5 connections ended, and the fault ends none"},
		"explained":          {cell: reset, change: both(away(5), lose(4)), end: held},
		"lost too early":     {cell: reset, change: both(away(5), lose(1)), end: wrong, says: "more than a second before the fault"},
		"never back":         {cell: reset, change: func(r *result.Cell) { r.Reconnects = &result.Reconnects{Lost: 5, Back: 4} }, end: wrong, says: "4 were made again"},
		"none ended":         {cell: reset, change: func(*result.Cell) {}, end: wrong, says: "0 connections of 40 clients ended, want some"},
		"busy": {cell: latency, change: func(r *result.Cell) {
			r.Verdict, r.Generator.Lag = result.Invalid, &result.Latency{N: 100, P99us: 900_000}
		}, code: 3, end: undecided, says: "the verdict is invalid"},
		"busy, and a sum": {cell: latency, change: func(r *result.Cell) {
			r.Ledger.Expected++
			r.Generator.Lag = &result.Latency{N: 100, P99us: 900_000}
		}, end: wrong, says: "expected 101 deliveries"},
	} {
		r := sound()
		x.change(r)
		o := &outcome{Code: x.code}
		x.cell.judge(o, r)
		if said := strings.Join(append(o.Wrong, o.Late...), "; "); o.end() != x.end || !strings.Contains(said, x.says) || (x.says == "") != (said == "") {
			t.Errorf("%s: %s: %s; want %s: %s", name, o.end(), said, x.end, x.says)
		}
	}
}

func cellOf(t *testing.T, load, fault string) *cell {
	t.Helper()
	all := plan([]string{load}, []string{fault}, false)
	if len(all) != 1 {
		t.Fatalf("%d cells", len(all))
	}
	return all[0]
}

// sound is the result of a trial in which the fault, from 4 s to 7 s, delayed and did nothing
// else.
func sound() *result.Cell {
	r := &result.Cell{
		Verdict: result.Pass, Clients: result.Clients{Asked: 40, Held: 40}, Errors: map[string]int64{},
		Ledger: result.Ledger{Due: 50, Sent: 50, Expected: 100, Received: 100}, Messages: result.Operations{Due: 50, Sent: 50},
		Latency: map[string]*result.Latency{metric.Delivery: {N: 100}},
		Phases: []result.Phase{
			{Name: "ramp", EndS: 1},
			{Name: "before", StartS: 1, EndS: 4, Record: true},
			{Name: "fault", StartS: 4, EndS: 7, Record: true},
			{Name: "after", StartS: 7, EndS: 12, Record: true},
		},
		Evidence: &result.Evidence{},
	}
	for i := range 12 {
		slow := int64(1000)
		if i >= 4 && i < 8 {
			slow = 900_000
		}
		r.Timeline = append(r.Timeline, result.Second{T: float64(i), Asked: 40, Held: 40, Latency: map[string]result.Quantiles{metric.Delivery: {N: 9, P99us: slow, Maxus: slow}}})
	}
	return r
}

// lose loses three deliveries of messages that were due in a second.
func lose(second int) func(r *result.Cell) {
	return func(r *result.Cell) {
		r.Ledger.Received, r.Ledger.Lost = 97, 3
		r.Latency[metric.Delivery].N = 97
		r.Evidence.Ledger = append(r.Evidence.Ledger, result.EvidenceRow{Phase: 2, Second: second, Ledger: result.Ledger{Lost: 3}})
	}
}

func away(clients int64) func(r *result.Cell) {
	return func(r *result.Cell) { r.Reconnects = &result.Reconnects{Lost: clients, Back: clients} }
}

func both(f, g func(r *result.Cell)) func(r *result.Cell) {
	return func(r *result.Cell) { f(r); g(r) }
}

// The effects of a fault are over in the first second without them.
func TestRecovery(t *testing.T) {
	for name, x := range map[string]struct {
		change  func(r *result.Cell)
		seconds float64
		ok      bool
	}{
		"slow for a second more": {func(*result.Cell) {}, 1, true},
		"a client is away":       {func(r *result.Cell) { r.Timeline[8].Held-- }, 2, true},
		"an error":               {func(r *result.Cell) { r.Timeline[9].Errors++ }, 3, true},
		"slow to the end":        {func(r *result.Cell) { r.Timeline[10].Latency = r.Timeline[5].Latency }, 4, false},
		"leaving at the end":     {func(r *result.Cell) { r.Timeline[11].Held = 0 }, 1, true},
	} {
		r := sound()
		x.change(r)
		if seconds, ok := recovery(r, 4, 7); seconds != x.seconds || ok != x.ok {
			t.Errorf("%s: %v s, %v; want %v s, %v", name, seconds, ok, x.seconds, x.ok)
		}
	}
}

// What a process holds more than before is seen.
func TestGrown(t *testing.T) {
	before := holding{Memory: 40 << 20, Descriptors: 12, Goroutines: 20}
	for _, x := range []struct {
		now  holding
		want string
	}{
		{before, ""},
		{holding{Memory: 80 << 20, Descriptors: 20, Goroutines: 40}, ""},
		{holding{Sessions: 1, Goroutines: 20}, "1 sessions"},
		{holding{Goroutines: 60}, "60 goroutines, at most 45"},
		{holding{Descriptors: 52}, "52 descriptors, at most 24"},
		{holding{Memory: 140 << 20}, "140 MiB of memory, at most 88"},
		{holding{Panics: 1}, "1 panics"},
	} {
		if got := x.now.grown(before); !strings.Contains(got, x.want) || (x.want == "") != (got == "") {
			t.Errorf("%+v: %q, want %q", x.now, got, x.want)
		}
	}
}

// The table has a line for each fault, a column for each workload, and its place in the manual.
func TestTable(t *testing.T) {
	var done []*outcome
	for _, c := range plan(names(workloads), names(faults), false) {
		done = append(done, &outcome{Workload: c.load.name, Fault: c.fault.name, Verdict: c.want.verdict, Asked: 40, Ended: 3, IsRecovered: true, SlowestS: 0.2})
	}
	text := table(done)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 2+len(faults) {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
	for _, line := range lines {
		if n := strings.Count(line, "|"); n != len(workloads)+3 {
			t.Errorf("%d bars in %s", n, line)
		}
	}
	manuals, err := os.ReadFile(filepath.Join("..", "..", book))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(manuals), manual.Begins(updates))
	if _, _, ends := strings.Cut(rest, manual.Ends); !begins || !ends {
		t.Errorf("%s has no place for the table", book)
	}
}

func TestRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		`no "none"; there are broadcast`:       {"-workloads", "none"},
		`no "x"; there are latency`:            {"-faults", "latency,x"},
		`argument "x" is unknown`:              {"x"},
		"-budget -1s must be positive":         {"-budget", "-1s"},
		"-update writes the whole table":       {"-update", "-quick"},
		"-update writes the whole table: leav": {"-update", "-faults", "reset"},
	} {
		if _, err := parse(args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
}
