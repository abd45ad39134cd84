package judge

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// savedCell is a cell that holds the known evidence, as it comes out of a file.
func savedCell(t *testing.T) (*Evidence, Rules, *result.Cell) {
	t.Helper()
	e, rules := known(t, "errors <= 3, loss < 10%, p50(delivery) < 1s, max(server.cpu) < 50%", "max(cpu) < 80%, achieved(rate) > 1%")
	e.Standstill, e.Patience = 1_234_567_891, 2_500_000_000
	cell := &result.Cell{Evidence: Keep(e), Clients: result.Clients{}}
	for _, s := range e.Timeline.Spans {
		cell.Phases = append(cell.Phases, result.Phase{Name: s.Name, StartS: float64(s.Start) / 1e9, EndS: float64(s.End) / 1e9, Record: s.Record})
	}
	for i, s := range e.Seconds {
		cell.Timeline = append(cell.Timeline, result.Second{
			T: float64(i), Sent: s.Sent, CPU: s.CPU, ServerCPU: max(0, s.ServerCPU), RSSBytes: s.RSS, ServerRSSBytes: s.ServerRSS, Held: s.Held,
		})
	}
	text, err := json.Marshal(cell)
	if err != nil {
		t.Fatal(err)
	}
	*cell = result.Cell{}
	if err := json.Unmarshal(text, cell); err != nil {
		t.Fatal(err)
	}
	return e, rules, cell
}

func noLogs(string) []result.Interval { return nil }

func TestRecallFindsWhatWasKept(t *testing.T) {
	e, rules, cell := savedCell(t)
	got, err := Recall(cell, rules, noLogs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Streams, got.Streams); diff != "" {
		t.Errorf("streams (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(e.Ledger, got.Ledger); diff != "" {
		t.Errorf("ledger (-was +is):\n%s", diff)
	}
	if got.Standstill != e.Standstill || got.Patience != e.Patience {
		t.Errorf("a standstill of %d ns, %d in the result; a patience of %d, %d in the result", e.Standstill, got.Standstill, e.Patience, got.Patience)
	}
	if diff := cmp.Diff(e.Seconds, got.Seconds); diff != "" {
		t.Errorf("seconds (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(Judge(e, rules), Judge(got, rules)); diff != "" {
		t.Errorf("judgement (-was +is):\n%s", diff)
	}
}

// A window is of the second in which a sample came; one without a log is not in the result.
func TestRecallWindows(t *testing.T) {
	_, rules, cell := savedCell(t)
	_, windows := known(t, "max(delivery) < 1s over 1s, 'max(delivery{op=room}) < 1s over 1s', max(ack) < 1s over 1s", "max(cpu) < 80%")
	rules.SLO = windows.SLO
	dir, start := t.TempDir(), time.Unix(1, 0)
	w := result.NewLogWriter(dir, "", start)
	for i, ms := range []int64{900, 70, 5_000} { // the second of these is recorded, the third came after the end
		h := result.NewHistogram()
		result.Record(h, time.Duration(ms)*time.Millisecond)
		if err := w.Interval("delivery", "", time.Duration(i)*time.Second, time.Duration(i+1)*time.Second, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	log := func(name string) []result.Interval {
		out, err := result.ReadLog(dir, "", name, start)
		if err != nil {
			return nil
		}
		return out
	}
	e, err := Recall(cell, rules, log)
	if err != nil {
		t.Fatal(err)
	}
	j := Judge(e, rules)
	checks := j.Checks[len(rules.Valid):]
	if c := checks[0]; c.NoData || c.Value < 0.069 || c.Value > 0.071 || c.Note != "worst window: 1 s up to 2 s" {
		t.Errorf("%+v", c)
	}
	for _, c := range checks[1:3] {
		if !c.NoData || !c.Unsaved {
			t.Errorf("%s: %+v", c.Text, c)
		}
	}
}

// A result may be from somebody else, and wrong: that is an error and never a panic.
func TestRecallRefusesWhatDoesNotFit(t *testing.T) {
	for name, spoil := range map[string]func(c *result.Cell){
		"no phases":          func(c *result.Cell) { c.Phases = nil },
		"a row of no stream": func(c *result.Cell) { c.Evidence.Ledger[0].Stream = 9 },
		"a row of no class":  func(c *result.Cell) { c.Evidence.Ledger[0].Class = -2 },
		"errors of no group": func(c *result.Cell) { c.Evidence.Errors[0].Group = -1 },
		"returns of none":    func(c *result.Cell) { c.Evidence.Returns = []result.EvidenceReturn{{Group: 5}} },
		"no counts":          func(c *result.Cell) { c.Evidence.Streams[0].Sent = nil },
		"a series of none":   func(c *result.Cell) { c.Evidence.Series[0].Phase = 7 },
		"ends of no faults":  func(c *result.Cell) { c.Evidence.FaultEnds = make([]result.EvidenceFault, 3) },
		"no histogram":       func(c *result.Cell) { c.Evidence.Series[0].Latency.HDR = "" },
	} {
		_, rules, cell := savedCell(t)
		spoil(cell)
		if _, err := Recall(cell, rules, noLogs); err == nil || !strings.Contains(err.Error(), "result") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, rules, cell := savedCell(t)
	cell.Evidence.Errors[0].Phase, cell.Evidence.Ledger[0].Phase, cell.Evidence.Ledger[0].Second = 99, -5, -1
	cell.Evidence.Seconds = nil
	e, err := Recall(cell, rules, noLogs)
	if err != nil {
		t.Fatal(err)
	}
	Judge(e, rules)
}

// Whatever the evidence, judging it again gives the same judgement.
func TestRecallRoundTrip(t *testing.T) {
	rules := Rules{
		Valid: parsed(t, file.Valid, "max(cpu) < 1, achieved(rate) > 1, p99(lag) < 1"),
		SLO: parsed(t, file.SLO, "p99(delivery) < 1, mean(delivery{transport=polling}) < 1, loss(delivery) < 1, dup(delivery{group=a}) < 1, errors(connect) < 1, "+
			"errors(ack) < 1, count(connect) < 1, max(server.cpu) < 1, growth(server.rss) < 1, ratio(recovered) < 1, late(delivery{read=slow}) < 1"),
	}
	rapid.Check(t, func(t *rapid.T) {
		e := randomEvidence(t)
		cell := &result.Cell{
			Evidence: Keep(e), Clients: result.Clients{Failed: int(e.Clients.Failed), Dropped: int(e.Clients.Dropped)},
		}
		for _, s := range e.Timeline.Spans {
			cell.Phases = append(cell.Phases, result.Phase{Name: s.Name, StartS: float64(s.Start) / 1e9, EndS: float64(s.End) / 1e9, Record: s.Record})
		}
		for i, s := range e.Seconds {
			cell.Timeline = append(cell.Timeline, result.Second{T: float64(i), Sent: s.Sent, CPU: s.CPU, RSSBytes: s.RSS, ServerRSSBytes: s.ServerRSS, Held: s.Held})
		}
		text, err := json.Marshal(cell)
		if err != nil {
			t.Fatal(err)
		}
		var saved result.Cell
		if err := json.Unmarshal(text, &saved); err != nil {
			t.Fatal(err)
		}
		got, err := Recall(&saved, rules, noLogs)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Judge(e, rules), Judge(got, rules)); diff != "" {
			t.Fatalf("judgement (-was +is):\n%s", diff)
		}
	})
}

// randomEvidence is of three phases and as many seconds, with two groups, classes of each kind and
// two streams.
func randomEvidence(t *rapid.T) *Evidence {
	e := crowd()
	e.Faults = rapid.SampledFrom([][]Fault{
		nil, {endless(0)}, {{Phase: 0, Over: 1e9, Patience: 3e9, Lossless: true}, {Phase: 1, Over: 2_500_000_001, Patience: 4e9}, {Phase: 2}},
	}).Draw(t, "faults")
	e.FaultFailed = rapid.SampledFrom([]string{"", "the fault in cut did not happen: exit code 1"}).Draw(t, "failed")
	e.ScaledDown = rapid.Bool().Draw(t, "scaled down")
	e.Ending = rapid.SampledFrom([]Ending{RanOut, Interrupted, ServerGone, Aborted}).Draw(t, "ending")
	e.Mismatch = rapid.SampledFrom([]string{"", "", "5 `a` events came in which no stamp was found"}).Draw(t, "mismatch")
	small := rapid.Int64Range(0, 50)
	for i := range e.Ledger {
		for j := range e.Ledger[i] {
			l := &e.Ledger[i][j].Ledger
			l.Received, l.Late, l.Lost, l.Duplicate = small.Draw(t, "received"), small.Draw(t, "late"), small.Draw(t, "lost"), small.Draw(t, "duplicate")
			l.Expected = l.Received + l.Late + l.Lost
			e.Ledger[i][j].Cut = rapid.Bool().Draw(t, "cut")
		}
	}
	if rapid.Bool().Draw(t, "several targets") {
		for i := range e.Classes {
			e.Classes[i].Node = 1 + i%2
		}
		for i := range e.Ledger {
			for j := range e.Ledger[i] {
				e.Ledger[i][j].From = rapid.IntRange(0, 1).Draw(t, "from")
			}
		}
	}
	series := []record.Series{
		{Metric: metric.Delivery, Group: "a", From: "b", Op: "room", Event: "msg", Transport: "websocket", Decile: 1, Node: 1, Cross: "true"},
		{Metric: metric.Delivery, Group: "a", From: "b", Op: "room", Event: "msg", Transport: "websocket", Decile: 1, Node: 1, Cross: "false"},
		{Metric: metric.Delivery, Group: "a", From: "b", Op: "room", Event: "msg", Transport: "websocket", Decile: 1, Node: 2, Cross: "true"},
		{Metric: metric.Delivery, Group: "a", From: "a", Op: "room", Event: "msg", Transport: "websocket", Decile: 1},
		{Metric: metric.Delivery, Group: "a", From: "a", Op: "room", Event: "msg", Transport: "polling", Decile: 10},
		{Metric: metric.Delivery, Group: "b", From: "b", Op: "all", Event: "tick", Transport: "websocket", Volatile: true, Slow: true, AllSlow: true},
		{Metric: metric.Connect, Group: "a", Transport: "polling"},
		{Metric: metric.Lag, Group: "a", Op: "room", Event: "msg"},
		{Metric: "curve", Hidden: true},
	}
	e.Totals = record.NewTotals(series, len(e.Timeline.Spans))
	for range rapid.IntRange(0, 8).Draw(t, "samples") {
		e.Totals.Add(rapid.IntRange(0, len(series)-1).Draw(t, "series"), rapid.IntRange(0, 1).Draw(t, "phase"),
			rapid.Int64Range(0, 5_000_000).Draw(t, "value"), rapid.Int64Range(1, 9).Draw(t, "times"))
	}
	classes := []metric.ErrorClass{
		metric.Error(metric.ErrConnect, metric.HowPorts), metric.Error(metric.ErrConnect, "http.502"), metric.Error(metric.ErrAck, metric.HowTimeout),
		metric.Error(metric.ErrSend, metric.HowBackpressure),
		{Kind: metric.ErrDrop, How: "ping_timeout", Slow: true},
		metric.Error(metric.ErrReconnect, metric.HowNever),
	}
	for range rapid.IntRange(0, 8).Draw(t, "errors") {
		key := record.ErrorKey{
			Class: rapid.SampledFrom(classes).Draw(t, "class"), Stream: rapid.IntRange(-1, 2).Draw(t, "stream"), Group: rapid.IntRange(0, 1).Draw(t, "group"),
		}
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: key, Phase: rapid.IntRange(-1, 1).Draw(t, "phase"), Second: rapid.IntRange(0, 6).Draw(t, "second"), N: small.Draw(t, "n")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "returns") {
		e.Returns = append(e.Returns, Return{
			Group: rapid.IntRange(0, 1).Draw(t, "group"), Phase: rapid.IntRange(-1, 1).Draw(t, "phase"),
			Back: small.Draw(t, "back"), Never: small.Draw(t, "never"), Recovered: small.Draw(t, "recovered"),
			BrokeAt: 1e8 * small.Draw(t, "broke at"), BackAt: 1e8 * small.Draw(t, "back at"),
		})
	}
	for i := range 5 {
		e.Seconds = append(e.Seconds, Second{
			Phase: e.Timeline.PhaseAt(int64(i)*1e9 + 5e8), Offered: small.Draw(t, "offered"), Sent: small.Draw(t, "sent"),
			CPU: rapid.Float64Range(0, 1).Draw(t, "cpu"), ServerCPU: rapid.SampledFrom([]float64{-1, 0.25, 0.5}).Draw(t, "server cpu"),
			RSS: small.Draw(t, "rss"), ServerRSS: small.Draw(t, "server rss"), Held: int(small.Draw(t, "held")),
		})
	}
	e.Clients = Clients{Failed: small.Draw(t, "failed"), Dropped: small.Draw(t, "dropped")}
	return e
}
