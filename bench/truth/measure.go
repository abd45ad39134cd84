package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// An outcome is what a server says that it did, and what a run reports of it.
type outcome struct {
	cell     *cell
	log      planted.Log
	reported *result.Cell
}

// A machine that is busy with other things makes the generator late, and that is no difference
// between what was planted and what was reported: a cell is run again when that happened and
// something differs.
const (
	busyAbove = 20 * time.Millisecond
	attempts  = 10
)

// measure runs a cell and compares; quick compares counts alone.
func (c *cell) measure(ctx context.Context, quick bool) (lines []line, err error) {
	for range attempts {
		var late time.Duration
		if lines, late, err = c.once(ctx); quick {
			lines = counts(lines)
		}
		if err != nil || late < busyAbove || !slices.ContainsFunc(lines, func(l line) bool { return !l.holds() }) {
			break
		}
	}
	return lines, err
}

// once runs a cell. late is by how much the generator was late at most, in sending or in receiving.
func (c *cell) once(ctx context.Context) (lines []line, late time.Duration, err error) {
	s, err := planted.Start(c.options())
	if err != nil {
		return nil, 0, err
	}
	defer s.Close()
	f, err := file.Parse("truth.yaml", []byte(c.scenario(s.URL)), nil)
	if err != nil {
		return nil, 0, err
	}
	run, err := scenario.Run(ctx, f, scenario.Options{})
	if err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if len(run.Cells) != 1 {
		return nil, 0, errors.New("the run has no cell")
	}
	o := &outcome{cell: c, log: s.Log(), reported: &run.Cells[0]}
	verdict := line{what: "verdict", words: [2]string{string(c.verdict), string(o.reported.Verdict)}}
	if !verdict.holds() {
		verdict.words[1] += fmt.Sprintf(" (%s)", o.reported.Reason)
	}
	for _, name := range []string{"lag", "lag.receive"} {
		if l := o.reported.Latency[name]; l != nil {
			late = max(late, time.Duration(l.Maxus)*time.Microsecond)
		}
	}
	return append(c.compare(o), verdict), late, nil
}

// exact compares a count.
func exact(what string, planted int, reported int64) line {
	return line{what: what, planted: float64(planted), reported: float64(reported)}
}

// edges is how far a delivery's time in the server may be from the limit and still be taken for
// late: the way there and back.
const edges = 100 * time.Millisecond

// deliveries compares the account of deliveries. Where memberships change, what was under way at
// that moment is undecided, and the bound is the number of these.
func deliveries(o *outcome) []line {
	l, log := &o.reported.Ledger, &o.log
	var edge float64
	if o.cell.life.changes {
		edge = float64(l.Undecided)
	}
	bounded := func(what string, planted int, reported int64) line {
		x := exact(what, planted, reported)
		x.under, x.over = edge, edge
		return x
	}
	late := line{what: "late", planted: float64(log.Over(o.cell.late)), reported: float64(l.Late), timed: true}
	late.over = float64(log.Over(o.cell.late-edges)) - late.planted
	if o.cell.life.changes {
		late.under = float64(l.Undecided)
	}
	out := []line{
		bounded("messages", log.Messages, l.Sent),
		bounded("deliveries", log.Deliveries, l.Expected),
		bounded("lost", log.Count(planted.Loss)+log.Count(planted.Garble)+log.Count(planted.Misname), l.Lost),
		bounded("twice", log.Count(planted.Duplicate), l.Duplicate),
		bounded("out of order", log.Count(planted.Swap)+log.Count(planted.Late), l.Disorder),
		late,
		bounded("to strangers", log.Count(planted.Stranger), o.errors("delivery.unexpected")),
		exact("corrupt", o.corrupt(), o.errors("stamp.invalid")+o.errors("stamp.changed")),
		exact("connections cut", log.Count(planted.Cut), int64(o.reported.Clients.Dropped)),
		{what: "undecided", reported: float64(l.Undecided), over: o.undecided(), timed: true},
		exact("account", int(l.Expected), l.Received+l.Late+l.Lost+l.Undecided),
	}
	return out
}

// skipped compares the account of volatile messages.
func skipped(o *outcome) []line {
	l, log := o.reported.Volatile, &o.log
	if l == nil {
		l = &result.Ledger{}
	}
	return []line{
		exact("messages", log.Messages, l.Sent),
		exact("deliveries", log.Deliveries, l.Expected),
		exact("lost", log.Count(planted.Loss), l.Lost),
		exact("of others", 0, o.reported.Ledger.Expected),
	}
}

// corrupt counts the messages that can be seen to be damaged. Bytes without a whole stamp may be
// somebody else's.
func (o *outcome) corrupt() int {
	n := o.log.Count(planted.Corrupt) + o.log.Count(planted.Shorten)
	if !o.cell.way.binary {
		n += o.log.Count(planted.Garble)
	}
	return n
}

// undecided is how many deliveries may be: none where all stay, else those of the few messages that
// are under way when a client comes, goes or moves, one in twenty.
func (o *outcome) undecided() float64 {
	if !o.cell.life.changes {
		return 0
	}
	return 0.05 * float64(o.reported.Ledger.Expected)
}

func (o *outcome) errors(class string) int64 { return o.reported.Errors[class] }

// delays compares how long messages took.
func delays(o *outcome) []line {
	var longest, sum time.Duration
	for _, w := range o.log.Waits {
		longest, sum = max(longest, w), sum+w
	}
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	out := deliveries(o)
	d := o.reported.Latency["delivery"]
	if d == nil || len(o.log.Waits) == 0 {
		return append(out, line{what: "latencies", planted: float64(len(o.log.Waits))})
	}
	// Histograms have three digits: half a thousandth is rounding. Above is the way there and back
	// through a busy machine.
	mean := ms(sum) / float64(len(o.log.Waits))
	var own float64 // latencies count from when a message was due
	if lag := o.reported.Generator.Lag; lag != nil {
		own = lag.Meanus / 1e3
	}
	return append(out,
		exact("latencies", len(o.log.Waits), d.N),
		line{what: "mean", planted: mean, reported: float64(d.Meanus) / 1e3, under: mean / 1000, over: own + 5, unit: "ms"},
		line{what: "shortest", planted: ms(o.cell.faults[0].For), reported: float64(d.Minus) / 1e3, under: 0.1, over: 5, unit: "ms"},
	)
}

// answers compares the account of calls.
func answers(o *outcome) []line {
	var n, never int64
	if a := o.reported.Latency["ack"]; a != nil {
		n, never = a.N, a.Never
	}
	unanswered := o.log.Count(planted.Unanswered)
	return []line{
		exact("answered", o.log.Calls-unanswered, n),
		exact("unanswered", unanswered, never),
		exact("unanswered, as errors", unanswered, o.errors("ack.timeout")),
		exact("answered twice", o.log.Count(planted.AnsweredTwice), o.errors("ack.unexpected")),
	}
}

// connections compares the account of attempts to connect.
func connections(o *outcome) []line {
	all := o.log.Connections - o.log.Count(planted.Refused) - o.log.Count(planted.Silent)
	var n int64
	var longest float64
	if c := o.reported.Latency["connect"]; c != nil {
		n, longest = c.N, float64(c.Maxus)/1e3
	}
	return []line{
		exact("connected", clients+1, int64(o.reported.Clients.Held)),
		exact("connected in the log", clients+1, int64(all)),
		exact("refused", o.log.Count(planted.Refused), o.errors("connect.http.503")),
		exact("not answered", o.log.Count(planted.Silent), o.errors("connect.timeout")),
		exact("times to connect", clients+1, n),
		{what: "longest, with the attempts before", planted: float64(connectIn+25*time.Millisecond) / 1e6, reported: longest, over: 1e4, unit: "ms"},
	}
}

// replays compares what recovered clients got.
func replays(o *outcome) []line {
	log, l := &o.log, &o.reported.Ledger
	var recovered int64
	if r := o.reported.Reconnects; r != nil {
		recovered = r.Recovered
	}
	lost := 0
	if log.Count(planted.ReplayNothing) > 0 {
		lost = log.Replayed
	}
	return []line{
		exact("connections cut", log.Count(planted.Cut), int64(o.reported.Clients.Dropped)),
		exact("recovered", log.Recoveries, recovered),
		exact("lost", lost, l.Lost),
		exact("twice", log.Repeated, l.Duplicate),
		exact("out of order", log.Overtaken, l.Disorder),
		exact("undecided", 0, l.Undecided),
		exact("account", int(l.Expected), l.Received+l.Late+l.Lost+l.Undecided),
	}
}
