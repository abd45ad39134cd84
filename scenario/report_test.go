package scenario

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// measured is what a trial has measured that did nothing.
func measured(t *testing.T) *findings {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte("version: 1\nname: t\ntarget: {url: \"http://127.0.0.1:1\"}\ngroups: {a: {count: 1}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrial(&f.Cells()[0], &Endpoint{}, nil, Options{}, place{n: 1})
	c := newCollector(tr)
	return &findings{t: tr, c: c, e: c.evidence(nil), cell: &result.Cell{}}
}

// Attempts to connect that wait for others are counted, and reported: the target did not meet them
// when they were due.
func TestWarningOfTurns(t *testing.T) {
	f := measured(t)
	tr := f.t
	for range dialsAtOnce {
		if !tr.takeTurn(t.Context()) {
			t.Fatal("a turn that was free was not given")
		}
	}
	if got := strings.Join(f.warnings(), "; "); strings.Contains(got, "waited for others") {
		t.Errorf("warned of nothing: %s", got)
	}
	turn := make(chan bool)
	go func() { turn <- tr.takeTurn(t.Context()) }()
	for tr.count.turns.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	<-tr.life.dials
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if !<-turn || tr.takeTurn(gone) {
		t.Error("a turn was not given to the client that waited, or was to one that has gone")
	}
	const want = "2 attempts to connect waited for others, "
	if got := strings.Join(f.warnings(), "; "); !strings.Contains(got, want) {
		t.Errorf("%q, want %q in it", got, want)
	}
}

// Misdirected and duplicated deliveries are reported even when no rule checks them.
func TestWarningsOfDeliveries(t *testing.T) {
	f := measured(t)
	cell := &result.Cell{Errors: map[string]int64{}}
	f.cell = cell
	const twice, wrong = "3 messages were delivered twice", "2 messages were delivered to clients outside their audience"
	if got := strings.Join(f.warnings(), "; "); strings.Contains(got, "delivered") {
		t.Errorf("warned of nothing: %s", got)
	}
	cell.Ledger.Duplicate, cell.Errors["delivery.unexpected"] = 3, 2
	if got := strings.Join(f.warnings(), "; "); !strings.Contains(got, twice) || !strings.Contains(got, wrong) {
		t.Errorf("%q, want %q and %q", got, twice, wrong)
	}
}

// Warnings that question the numbers come before warnings that limit them; explanations are not
// warnings.
func TestWarningsByImportance(t *testing.T) {
	f := measured(t)
	f.t.spec.Quick = 0.2
	f.t.count.cutOff.Store(6)
	f.t.count.slowDropped.Store(6)
	cell := &result.Cell{Errors: map[string]int64{}, Generator: result.Generator{CPUMax: 0.9}, Rates: result.Rates{OfferedPerS: 10, AchievedPerS: 9}}
	cell.Ledger.Duplicate = 3
	f.cell = cell
	at := -1
	got := f.warnings()
	for _, want := range []string{"messages were delivered twice", "only 90 % of the operations that were due", "used up to 90 % of the cores", "scaled down to 20%"} {
		i := slices.IndexFunc(got, func(s string) bool { return strings.Contains(s, want) })
		if i <= at {
			t.Errorf("%q is at %d of %q", want, i, got)
		}
		at = i
	}
	notes := f.notes()
	if want := []string{"connections that a fault of the scenario broke: 6; clients held again after a drop: 0", "connections of slow readers that ended: 6"}; !slices.Equal(notes[:2], want) {
		t.Errorf("%q, want %q", notes, want)
	}
	cell.Errors["slow.drop.close"] = 6
	if notes := f.notes(); !strings.HasSuffix(notes[1], "readers that ended: 6 (close 6)") {
		t.Errorf("%q", notes)
	}
	cell.Errors["slow.drop.transport_close"] = 1
	if notes := f.notes(); !strings.Contains(notes[1], "transport_close 1); a server closes the transport of one whose queue is full, or whose answer to a ping") {
		t.Errorf("%q", notes)
	}
}

// What the generator did to the highest latencies is said in numbers; a pause is worth a word only
// where it explains them.
func TestTailEffect(t *testing.T) {
	series := []record.Series{{Metric: metric.Delivery}, {Metric: metric.Delivery + metric.NetSuffix, Hidden: true}}
	phases := []file.Phase{{Name: "hold", For: time.Second, Record: true}}
	for name, test := range map[string]struct {
		late  int64 // of 10 000, all by 50 ms
		pause time.Duration
		want  string
	}{
		"on time":   {0, time.Hour, ""},
		"one":       {1, 0, "the slowest sample of delivery, 53 ms, is slow only because the generator itself was late: without its delay, max would be 3 ms"},
		"few":       {5, 0, "5 of the 5 slowest samples of delivery, from 53 ms (max) on, are slow only because the generator itself was late: without its delay, max would be 3 ms"},
		"a tail":    {97, 0, "97 of the 97 slowest samples of delivery, from 53 ms (p99.9) on, are slow only because the generator itself was late: without its delay, p99.9 would be 3 ms"},
		"collected": {5, 50 * time.Millisecond, "5 of the 5 slowest samples of delivery, from 53 ms (max) on, are slow only because the generator itself was late: without its delay, max would be 3 ms; garbage collection paused it for up to 50 ms"},
		"paused":    {5, 20 * time.Millisecond, "5 of the 5 slowest samples of delivery, from 53 ms (max) on, are slow only because the generator itself was late: without its delay, max would be 3 ms"},
		"p99":       {300, 0, "300 of the 300 slowest samples of delivery, from 53 ms (p99) on, are slow only because the generator itself was late: without its delay, p99 would be 3 ms"},
	} {
		totals := record.NewTotals(series, 1)
		totals.Add(0, 0, 3_000, 10_000-test.late)
		totals.Add(0, 0, 53_000, test.late)
		totals.Add(1, 0, 3_000, 10_000)
		e := &judge.Evidence{Timeline: plan.NewTimeline(phases), Totals: totals}
		if got := tailEffect(e, test.pause); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// When a target answers no request, the report explains the contract; it does not for the built-in
// server or a target that answered at least once.
func TestWarningOfATargetWithoutTheContract(t *testing.T) {
	f := measured(t)
	const says = "no sent message came back"
	for name, test := range map[string]struct {
		cell    result.Cell
		builtIn bool
		warned  bool
	}{
		"nothing came":        {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Lost: 5}}, warned: true},
		"built in":            {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Lost: 5}}, builtIn: true},
		"one came":            {cell: result.Cell{Ledger: result.Ledger{Expected: 5, Late: 1}}},
		"all acks timed out":  {cell: result.Cell{Errors: map[string]int64{"ack.timeout": 3}, Latency: map[string]*result.Latency{"ack": {Never: 3}}}, warned: true},
		"one ack came":        {cell: result.Cell{Errors: map[string]int64{"ack.timeout": 3}, Latency: map[string]*result.Latency{"ack": {N: 1, Never: 3}}}},
		"nothing was awaited": {},
	} {
		f.t.server.builtIn, f.cell = test.builtIn, &test.cell
		if got := strings.Join(f.warnings(), "; "); strings.Contains(got, says) != test.warned {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// While a trial runs the same is said as soon as something should have come, and that the server
// lets nobody into a room.
func TestDoubtWhileItRuns(t *testing.T) {
	const nothing, join = "no sent message came back", "a room did not acknowledge its join in time"
	late := []ErrorClass{{Class: "ack.timeout", N: 3}}
	refused := []ErrorClass{{Class: "connect.join", N: 2, Text: join}}
	f := measured(t)
	for name, test := range map[string]struct {
		show    Progress
		builtIn bool
		want    string
	}{
		"nothing came":      {show: Progress{Missing: 5}, want: nothing},
		"no answer came":    {show: Progress{Classes: late}, want: nothing},
		"built in":          {show: Progress{Missing: 5}, builtIn: true},
		"one came":          {show: Progress{Missing: 5, Received: 1}},
		"nothing is late":   {show: Progress{Sent: 5}},
		"nobody is let in":  {show: Progress{Classes: refused}, want: join},
		"some are let in":   {show: Progress{Classes: refused, Sent: 1}},
		"a text of another": {show: Progress{Classes: []ErrorClass{{Class: "connect.join", N: 2, Text: join + "\x1b[2J"}}}, want: join + `\x1b[2J`},
	} {
		f.t.server.builtIn, f.c.show = test.builtIn, test.show
		got := f.c.doubt(&judge.Evidence{Timeline: f.t.tl, Totals: record.NewTotals(nil, 1)})
		if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// While a trial runs its percentiles are shown as its report will show them.
func TestShownWhileItRuns(t *testing.T) {
	for _, tt := range []struct {
		ended, never int64
		p50, p99     time.Duration
		beyond       bool
	}{
		{ended: 19},
		{ended: 20, p50: 3 * time.Millisecond},
		{ended: 999, never: 1, p50: 3 * time.Millisecond, p99: 3 * time.Millisecond},
		{ended: 900, never: 100, p50: 3 * time.Millisecond, p99: 5 * time.Second, beyond: true},
	} {
		all := result.Samples{Ended: result.NewHistogram(), Never: result.NewHistogram()}
		if err := errors.Join(all.Ended.RecordValues(3_000, tt.ended), all.Never.RecordValues(5_000_000, tt.never)); err != nil {
			t.Fatal(err)
		}
		p50, _ := stated(all, 50)
		p99, beyond := stated(all, 99)
		near := func(got, want time.Duration) bool { return (got - want).Abs() <= want/1000 } // of a histogram
		if !near(p50, tt.p50) || !near(p99, tt.p99) || beyond != tt.beyond {
			t.Errorf("%d and %d that never ended: p50 %s, p99 %s (beyond: %v), want %s, %s, %v", tt.ended, tt.never, p50, p99, beyond, tt.p50, tt.p99, tt.beyond)
		}
	}
}

func TestUnsentInNumbers(t *testing.T) {
	for want, m := range map[string]result.Operations{
		"":                        {Due: 9, Sent: 9},
		": of 604, 1 was dropped": {Due: 604, Sent: 603, Dropped: 1},
		": of 3 906, 2 were still queued at the end for clients that had lost their connection, 80 were dropped": {Due: 3906, Sent: 3824, Held: 2, Dropped: 80},
	} {
		if got := whyUnsent(m); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
