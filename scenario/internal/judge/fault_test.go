package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Rules that a broken implied rule of the tests has.
const (
	noLoss     = "loss(delivery) == 0"
	noneLostTo = "loss(delivery{replayed=true}) == 0"
)

// faulty is a trial with faults whose first begins at 10 s, with one message a second that needed
// at most so long before.
func faulty(took time.Duration, faults ...Fault) *Evidence {
	tl := plan.NewTimeline([]file.Phase{
		{Name: "hold", For: 10 * time.Second, Record: true},
		{Name: "cut", For: 2 * time.Second, Record: true, Fault: &file.Fault{}},
		{Name: "between", For: 18 * time.Second, Record: true},
		{Name: "again", For: 2 * time.Second, Record: true},
		{Name: "after", For: 18 * time.Second, Record: true},
	})
	class := Class{Group: "people", Transport: "websocket"}
	series := []record.Series{class.Label(record.Series{Metric: metric.Delivery, From: "people", Op: "room", Event: "msg"})}
	e := &Evidence{
		Timeline: tl, At: tl.End, End: tl.End, Faults: faults, Classes: []Class{class}, Groups: []Group{{Name: "people"}},
		Streams: []Stream{{Group: "people", Op: "room", Event: "msg", Late: 5 * time.Second}},
		Totals:  record.NewTotals(series, len(tl.Spans)), Ledger: [][]ledger.Row{nil},
	}
	e.Totals.Add(0, 0, took.Microseconds(), 1)
	e.Totals.Add(0, 1, (4 * time.Second).Microseconds(), 1) // under the fault: it proves nothing about before
	return e
}

// with gives the evidence one delivery that went wrong of three that were due in a second.
func (e *Evidence) with(second int, change func(r *ledger.Row)) *Evidence {
	r := ledger.Row{Phase: e.Timeline.PhaseAt(int64(second) * 1e9), Second: second, Ledger: result.Ledger{Sent: 1, Expected: 3, Received: 2}}
	change(&r)
	e.Ledger[0] = []ledger.Row{r}
	return e
}

func isLost(r *ledger.Row) { r.Lost = 1 }
func isLate(r *ledger.Row) { r.Late = 1 }
func isCut(r *ledger.Row) {
	r.Lost, r.Cut = 1, true
}

// A fault explains what was lost since it began, and what could be in flight then, and no more of
// the time before.
func TestAFaultExplainsNothingBeforeIt(t *testing.T) {
	for _, test := range []struct {
		second int // in which the lost message was due
		took   time.Duration
		want   string
	}{
		{second: 0, want: noLoss},
		{second: 8, want: noLoss},
		{second: 8, took: 400 * time.Millisecond, want: noLoss}, // due before 9 s, and the fault is at 10 s
		{second: 8, took: 600 * time.Millisecond},               // twice that is more than a second
		{second: 7, took: 600 * time.Millisecond, want: noLoss},
		{second: 7, took: 1100 * time.Millisecond},
		{second: 6, took: 1100 * time.Millisecond, want: noLoss},
		{second: 4, took: 60 * time.Second},               // the late limit is 5 s
		{second: 3, took: 60 * time.Second, want: noLoss}, // and had passed at 9 s
		{second: 9},
		{second: 10},
		{second: 15}, // when it ended is not known
	} {
		e := faulty(test.took, endless(1)).with(test.second, isLost)
		checkImplied(t, "a fault", e, test.second, test.want)
		e.Faults = nil
		checkImplied(t, "no fault", e, test.second, noLoss)
	}
}

// The excuse ends when the fault is over, its clients are back, and the late limit has passed. It
// is judged with what was due in a second, of losses, of late deliveries and of errors.
func TestAnExcuseEnds(t *testing.T) {
	hits := Fault{Phase: 1, Over: 12e9, Patience: 27e9}                 // the server, or a link
	cuts := Fault{Phase: 1, Over: 11e9, Patience: 26e9, Lossless: true} // some connections, within a second
	mutes := Fault{Phase: 1, Over: 12e9, Patience: 27e9, Lossless: true, Silences: true}
	last := Fault{Phase: 3, Over: 50e9, Patience: 65e9}                     // to the end
	broke := Return{Phase: 1, Back: 2, BrokeAt: 13_200e6, BackAt: 14_100e6} // later than the fault itself
	healed := Return{Phase: 2, Back: 1, BrokeAt: 13_200e6}                  // noticed in the next phase
	for _, test := range []struct {
		name    string
		faults  []Fault
		returns []Return
		wrong   func(r *ledger.Row)
		last    int // second that is explained
	}{
		{"it is over, and the late limit has passed", []Fault{hits}, nil, isLost, 16},
		{"connections end because of it later", []Fault{hits}, []Return{broke}, isLost, 18},
		{"and in the next phase", []Fault{hits}, []Return{healed}, isLost, 18},
		{"late deliveries until the clients are back", []Fault{hits}, []Return{broke}, isLate, 19},
		{"connections that the server broke later explain nothing", []Fault{hits}, []Return{{Phase: 2, Back: 9}}, isLost, 16},
		{"nor do those of another fault", []Fault{hits, {Phase: 3, Over: 31e9}}, []Return{{Phase: 3, BrokeAt: 31e9, BackAt: 33e9}}, isLost, 16},
		{"it lasts to the end", []Fault{last}, nil, isLost, 49},
		{"ended connections explain a loss until the last has ended", []Fault{cuts}, nil, isCut, 10},
		{"which may be later", []Fault{cuts}, []Return{broke}, isCut, 13},
		{"silent ones explain it until the late limit has passed, too", []Fault{mutes}, nil, isCut, 16},
		{"and for as long after the last has ended", []Fault{mutes}, []Return{broke}, isCut, 18},
		{"late deliveries likewise until the clients are back", []Fault{cuts}, []Return{broke}, isLate, 19},
		{"or the late limit after its end", []Fault{cuts}, nil, isLate, 15},
	} {
		first := 10
		if test.faults[0].Phase == 3 {
			first = 30
		}
		for second := first; second < 50; second++ {
			want := ""
			if second > test.last {
				want = noLoss
			}
			if second > 28 && len(test.faults) > 1 {
				break // of the second fault
			}
			e := faulty(0, test.faults...).with(second, test.wrong)
			e.Returns = test.returns
			checkImplied(t, test.name, e, second, want)
		}
	}
	// A fault that only ends connections takes nothing from clients that stay.
	for second := range 50 {
		checkImplied(t, "lost to clients that stayed", faulty(0, cuts).with(second, isLost), second, noLoss)
		checkImplied(t, "skipped for clients that stayed", faulty(0, mutes).with(second, isLost), second, noLoss)
	}
}

// Each of several faults has a time of its own.
func TestEachFaultHasItsTime(t *testing.T) {
	faults := []Fault{{Phase: 1, Over: 12e9}, {Phase: 3, Over: 32e9}}
	for second := range 50 {
		want := noLoss
		if second >= 9 && second < 17 || second >= 29 && second < 37 {
			want = ""
		}
		checkImplied(t, "two faults", faulty(0, faults...).with(second, isLost), second, want)
	}
	// A message that was held while its sender was away may meet the next fault.
	near := []Fault{{Phase: 1, Over: 11e9, Lossless: true}, {Phase: 2, Over: 30e9, Lossless: true}}
	checkImplied(t, "held until the next fault", faulty(0, near...).with(11, isCut), 11, "")
}

// A fault in a phase that is not recorded explains what follows in the next, and within a second
// phases tell what came before.
func TestAnExcuseGoesByTime(t *testing.T) {
	e := faulty(0, Fault{Phase: 1, Over: 11_500e6})
	e.Timeline = plan.NewTimeline([]file.Phase{
		{Name: "hold", For: 10_400 * time.Millisecond, Record: true}, {Name: "cut", For: 1100 * time.Millisecond}, {Name: "after", For: 30 * time.Second, Record: true},
	})
	e.End, e.At = e.Timeline.End, e.Timeline.End
	for _, test := range []struct {
		phase, second int
		want          string
	}{{0, 9, noLoss}, {0, 10, ""}, {1, 10, ""}, {2, 11, ""}, {2, 16, ""}, {2, 17, noLoss}} {
		e.Ledger[0] = []ledger.Row{{Phase: test.phase, Second: test.second, Ledger: result.Ledger{Expected: 3, Lost: 1, Received: 2}}}
		checkImplied(t, "phase "+e.Timeline.Spans[test.phase].Name, e, test.second, test.want)
	}
}

// What a server has lost of what recovered clients missed, no fault explains.
func TestRecoveredClientsAreOwed(t *testing.T) {
	for _, f := range []Fault{{Phase: 1, Over: 12e9}, {Phase: 1, Over: 11e9, Lossless: true}, endless(1)} {
		e := faulty(0, f).with(10, func(r *ledger.Row) { r.Lost, r.Replayed = 1, true })
		checkImplied(t, "missed in the fault", e, 10, noneLostTo)
		if f.Over < 1<<62 {
			e = faulty(0, f).with(20, func(r *ledger.Row) { r.Lost, r.Replayed = 1, true })
			checkImplied(t, "missed later", e, 20, noLoss)
		}
		e = faulty(0, f).with(10, func(r *ledger.Row) { r.Late, r.Replayed = 1, true })
		checkImplied(t, "late is no loss", e, 10, "")
	}
}

// The same holds for errors, apart from those that no fault explains.
func TestAFaultExplainsErrors(t *testing.T) {
	hits := Fault{Phase: 1, Over: 12e9, Patience: 27e9}
	dropped, unexpected := metric.Error(metric.ErrAck, metric.HowDropped), metric.Error(metric.ErrDelivery, metric.HowUnexpected)
	hung, refused, never := metric.Error(metric.ErrConnect, metric.HowTimeout), metric.Error(metric.ErrConnect, "refused"), metric.Error(metric.ErrReconnect, metric.HowNever)
	for _, test := range []struct {
		second  int
		class   metric.ErrorClass
		returns []Return
		end     int64 // of the trial
		want    string
	}{
		{second: 3, class: dropped, want: "errors(ack.dropped) == 0"},
		{second: 9, class: dropped},
		{second: 16, class: dropped},
		{second: 17, class: dropped, want: "errors(ack.dropped) == 0"},
		{second: 17, class: dropped, returns: []Return{{Phase: 1, BackAt: 14e9}}},
		{second: 3, class: unexpected, want: "errors(delivery.unexpected) == 0"},
		{second: 11, class: unexpected, want: "errors(delivery.unexpected) == 0"},
		{second: 20, class: refused, want: "errors(connect.refused) == 0"},
		{second: 20, class: hung}, // the attempt was begun before
		{second: 28, class: hung, want: "errors(connect.timeout) == 0"},
		{second: 11, class: never, end: 26e9}, // it might have come yet
		{second: 11, class: never, end: 27e9, want: "errors(reconnect.never) == 0"},
		{second: 20, class: never, end: 26e9, want: "errors(reconnect.never) == 0"},                   // no fault broke it
		{second: 11, class: never, returns: []Return{{Phase: 1, Never: 2, BrokeAt: 20e9}}, end: 34e9}, // a restart took so long
		{second: 11, class: never, returns: []Return{{Phase: 1, Never: 2, BrokeAt: 20e9}}, end: 35e9, want: "errors(reconnect.never) == 0"},
	} {
		e := faulty(0, hits)
		e.Errors = []record.ErrorCount{{ErrorKey: record.ErrorKey{Class: test.class, Stream: -1}, Phase: e.Timeline.PhaseAt(int64(test.second) * 1e9), Second: test.second, N: 2}}
		e.Returns = test.returns
		if test.end > 0 {
			e.End = test.end
		}
		checkImplied(t, test.class.String(), e, test.second, test.want)
	}
	// A second fault keeps those away that the first one broke.
	e := faulty(0, Fault{Phase: 1, Over: 12e9, Patience: 30e9}, Fault{Phase: 3, Over: 48e9, Patience: 63e9})
	e.Errors = []record.ErrorCount{{ErrorKey: record.ErrorKey{Class: never, Stream: -1}, Phase: 1, Second: 11, N: 1}}
	checkImplied(t, "two faults", e, 11, "")
}

func checkImplied(t *testing.T, name string, e *Evidence, second int, want string) {
	t.Helper()
	got := implied(e, Rules{})
	if want == "" && len(got) == 0 {
		return
	}
	if !slices.ContainsFunc(got, func(c result.Check) bool { return c.Text == want }) || len(got) != 1 {
		t.Errorf("%s: in second %d: %+v, want %q", name, second, got, want)
	}
}

// Results of versions that excused the whole run, or all that followed a fault, are judged as they
// were.
func TestRecallOfAnEarlierFault(t *testing.T) {
	e := faulty(0, Fault{Phase: 1, Over: 12e9, Patience: 27e9, Lossless: true, Silences: true}, Fault{Phase: 3, Over: 32e9})
	for name, test := range map[string]struct {
		change func(x *result.Evidence)
		want   []Fault
	}{
		"this version":       {func(*result.Evidence) {}, e.Faults},
		"one without ends":   {func(x *result.Evidence) { x.FaultEnds = nil }, []Fault{endless(1), endless(3)}},
		"one without phases": {func(x *result.Evidence) { x.FaultEnds, x.FaultPhases = nil, nil }, []Fault{endless(0)}},
	} {
		kept := Keep(e)
		test.change(kept)
		back := &Evidence{Timeline: e.Timeline, Saved: &Saved{}}
		if err := back.recall(kept); err != nil || !slices.Equal(back.Faults, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, back.Faults, err, test.want)
		}
	}
	kept := Keep(e)
	kept.FaultEnds = kept.FaultEnds[:1]
	if err := (&Evidence{Timeline: e.Timeline, Saved: &Saved{}}).recall(kept); err == nil || !strings.Contains(err.Error(), "2 phases with faults and 1 ends") {
		t.Errorf("%v", err)
	}
}

// A fault that ends or silences connections explains a call without an answer, but none that was
// ignored while the connection carried later ones. A command may do that, and a rule may allow it.
func TestNoFaultExplainsAnIgnoredCall(t *testing.T) {
	links, command, old := endless(1), endless(1), endless(1)
	links.Lossless, links.Silences = true, true
	command.Lossless, command.Silences, command.Behind = true, true, true
	for _, kind := range []metric.ErrorKind{metric.ErrAck, metric.ErrMove, metric.ErrStep} {
		timeout := metric.Error(kind, metric.HowTimeout)
		clean, broke := "loss == 0, dup == 0, disorder == 0", fmt.Sprintf("errors(%s) == 0: ", timeout)
		allowed := fmt.Sprintf("errors(%s) < 50", timeout)
		if kind == metric.ErrStep { // the scenario has no flow
			allowed = "errors < 50"
		}
		for _, test := range []struct {
			name   string
			slo    string
			faults []Fault
			slow   bool
			want   string
		}{
			{"a fault of the network", clean, []Fault{links}, false, broke + "4"},
			{"a command", clean, []Fault{command}, false, ""},
			{"a command, saved by an earlier version", clean, []Fault{old}, false, ""},
			{"both", clean, []Fault{links, command}, false, ""},
			{"no fault", clean, nil, false, broke + "9"},
			{"a rule allows it", clean + ", " + allowed, []Fault{links}, false, ""},
			{"slow readers", clean, []Fault{links}, true, ""},
		} {
			e, rules := known(t, quoted(test.slo), "max(cpu) < 80%")
			ledgerOf(0, 0, 0)(e)
			e.Faults, e.Errors = test.faults, nil
			for class, n := range map[metric.ErrorClass]int64{timeout: 9, metric.Ignored(kind): 4} {
				class.Slow = test.slow
				e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: record.ErrorKey{Class: class, Stream: 1}, Phase: 1, Second: 1, N: n})
			}
			got := ""
			for _, c := range implied(e, rules) {
				got += broken(&c)
			}
			if got != test.want {
				t.Errorf("%s: %s: %q, want %q", timeout, test.name, got, test.want)
			}
		}
	}
}
