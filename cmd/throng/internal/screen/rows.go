package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

var stages = map[string]string{
	board.Starting: "starting", board.WarmUp: "not recorded", board.Recording: "recording", board.Draining: "waiting for messages in flight", board.Ended: "ended",
}

func (v *view) phase() string {
	s := v.s
	name, share, clock := "-", 0.0, ""
	if s.Index < len(s.Plan) {
		p := s.Plan[s.Index]
		name, share = p.Name, 1
		if s.Stage == board.WarmUp || s.Stage == board.Recording {
			share = (s.Elapsed - p.StartS) / (p.EndS - p.StartS)
			clock = fmt.Sprintf("%s of %s  ", board.Clock(s.Elapsed-p.StartS), board.Clock(p.EndS-p.StartS+0.5))
		}
	}
	stage := stages[s.Stage]
	if s.Stage == board.Ended && len(s.Trials) > 0 {
		last := s.Trials[len(s.Trials)-1]
		stage = string(last.Verdict)
		if last.Reason != "" {
			stage += ": " + last.Reason
		}
	}
	return v.row("phase", fmt.Sprintf("%s %s  %s%s", v.bar(share), bold.Render(name), clock, faint.Render(stage)))
}

// next shows how far the trial is, and the phases that follow.
func (v *view) next() string {
	s := v.s
	if len(s.Plan) == 0 || s.Total <= 0 {
		return v.row("trial", faint.Render("the server is started"))
	}
	text := v.bar(s.Elapsed/s.Total) + " "
	var names []string
	for i, p := range s.Plan {
		if i > s.Index {
			names = append(names, p.Name)
		}
	}
	end := s.Plan[min(s.Index, len(s.Plan)-1)].EndS
	switch {
	case s.Stage != board.WarmUp && s.Stage != board.Recording:
	case len(names) == 0:
		text += faint.Render("the last phase")
	default:
		then := ""
		if len(names) > 1 {
			then = ", then " + strings.Join(names[1:], ", ")
		}
		text += fmt.Sprintf("next %s in %s%s", names[0], board.Clock(end-s.Elapsed+0.5), faint.Render(then))
	}
	return v.row("trial", text)
}

func (v *view) rate() string {
	last := v.s.Last
	f, what, total := func(p board.Point) float64 { return p.Deliveries }, "deliveries", metric.FormatCount(v.s.Received)+" received"
	now := last.Deliveries
	if v.s.Metric == metric.Ack && v.s.Received == 0 {
		f, what, total, now = func(p board.Point) float64 { return p.Sent }, "sent", metric.FormatCount(v.s.Sent)+" in all", last.Sent
	}
	return v.chart(what, f, false, bold.Render(metric.FormatCount(int64(now+0.5))+"/s"), total)
}

func (v *view) latency(name string, f func(board.Point) int64, sum string) string {
	label := name
	if v.s.Metric != "" {
		label = name + " " + v.s.Metric
	}
	now, total := faint.Render("no samples yet"), ""
	if v.s.Metric != "" {
		total, now = "all "+sum, "-"
		switch us := f(v.s.Last); {
		case us > 0:
			now = bold.Render(board.Amount(us, false))
		case v.s.Last.Maxus > 0: // in this second
			now = faint.Render("few samples")
		}
	}
	return v.chart(label, func(p board.Point) float64 { return float64(f(p)) }, true, now, total)
}

// chart is a label, a sparkline, and two texts behind it.
func (v *view) chart(label string, f func(board.Point) float64, log bool, now, total string) string {
	const texts = 12 + 22
	room := v.Width - v.label - 4 - texts
	if room < 8 { // the second text gives way
		room, total = v.Width-v.label-4-12, ""
	}
	label = ansi.Truncate(label, v.label, "")
	return v.row(label, fmt.Sprintf("%s %s %s", blue.Render(v.spark(f, log, room)), pad(now, 12), faint.Render(total)))
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-lipgloss.Width(s))) }

func (v *view) spark(f func(board.Point) float64, log bool, width int) string {
	width = max(4, width)
	vs := make([]float64, 0, width)
	for _, p := range v.points[max(0, len(v.points)-width):] {
		vs = append(vs, f(p))
	}
	return strings.Repeat(" ", width-len(vs)) + Spark(vs, log, v.ASCII)
}

func (v *view) clients() string {
	s := v.s
	share := 0.0
	if s.Asked > 0 {
		share = float64(s.Held) / float64(s.Asked)
	}
	return v.row("clients", fmt.Sprintf("%s %s of %s held%s%s", v.bar(share), metric.FormatCount(int64(s.Held)), metric.FormatCount(int64(s.Asked)),
		some(int64(s.Failed), "failed"), some(int64(s.Dropped), "dropped")))
}

// ledger tells of the messages whose limit has passed; before there are any, of what is known at
// once.
func (v *view) ledger() string {
	l := v.s.Ledger
	if l.Expected == 0 && v.s.Missing == 0 && v.s.Duplicate == 0 {
		return v.row("ledger", faint.Render("nothing settled yet"))
	}
	missing := some(max(l.Lost, v.s.Missing), "missing")
	if v.s.Stage == board.Ended { // nothing comes any more
		missing = some(l.Lost, "lost")
	}
	return v.row("ledger", fmt.Sprintf("%s received of %s%s%s%s%s%s", metric.FormatCount(l.Received), metric.FormatCount(l.Expected),
		missing, some(l.Late, "late"), some(max(l.Duplicate, v.s.Duplicate), "duplicate"), some(l.Disorder, "out of order"), some(l.Undecided, "undecided")))
}

// unsent tells of the messages that were due and not sent, where there are any.
func (v *view) unsent() []string {
	s := v.s
	if s.HeldBack+s.GivenUp == 0 {
		return nil
	}
	return []string{v.row("messages", fmt.Sprintf("%s of %s sent%s%s", metric.FormatCount(s.Sent), metric.FormatCount(s.Offered),
		some(s.HeldBack, "held back"), some(s.GivenUp, "given up")))}
}

// doubt says that the target may not fit the scenario, and what to do, which stands at the end.
func (v *view) doubt() []string {
	if v.s.Doubt == "" {
		return nil
	}
	var rows []string
	for i, line := range strings.Split(ansi.Wordwrap(v.s.Doubt, v.Width-v.label-2, ""), "\n") {
		label := ""
		if i == 0 {
			label = "so far"
		}
		rows = append(rows, v.row(label, alarm.Render(line)))
	}
	return rows
}

// some names what should be zero, and stays silent when it is.
func some(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return "  " + alarm.Render(metric.FormatCount(n)+" "+what)
}

// sorted puts the broken checks of a kind first, then those that hold, then those that wait.
func (v *view) sorted(kind string) []board.Check {
	var out []board.Check
	for _, state := range []string{board.Broken, board.Holds, board.Waiting} {
		for _, c := range v.s.Checks {
			if c.Kind == kind && c.State == state {
				out = append(out, c)
			}
		}
	}
	return out
}

// urgent is how many lines of checks should stay in view.
func (v *view) urgent(kind string) (n int) {
	for _, c := range v.s.Checks {
		if c.Kind == kind && c.State == board.Broken {
			n++
		}
	}
	return min(max(n, 1), 4)
}

var marks = map[string]string{board.Holds: "ok  ", board.Broken: "FAIL", board.Waiting: "-   "}

// check is one check as it stands: its state, its text, its value.
func (v *view) check(label string, c board.Check) string {
	mark := marks[c.State]
	switch c.State {
	case board.Holds:
		mark = green.Render(mark)
	case board.Broken:
		mark = alarm.Render(mark)
	default:
		mark = faint.Render(mark)
	}
	value := bold.Render(c.Value)
	if c.State == board.Waiting {
		value = faint.Render(cmp.Or(c.Value, "no data yet"))
	}
	if c.Optional {
		value += faint.Render("  optional")
	}
	return v.row(label, mark+" "+pad(c.Text, min(44, v.Width-v.label-20))+"  "+value)
}

func (v *view) checks() []string {
	var rows []string
	for i, c := range v.sorted(result.KindSLO) {
		label := ""
		if i == 0 {
			label = "checks"
		}
		rows = append(rows, v.check(label, c))
	}
	return rows
}

// generator is the health of the load generator: first what it measures of itself, then the rules
// it must keep.
func (v *view) generator() []string {
	p := v.s.Last
	now := fmt.Sprintf("lag max %s  CPU %.0f %%  GC %s", board.Amount(p.Lagus, false), 100*p.CPU, us(p.GCus))
	if p.ServerCPU > 0 || p.ServerRSS > 0 {
		now += faint.Render("  server ") + fmt.Sprintf("CPU %.0f %%  %s", 100*p.ServerCPU, metric.FormatBytes(p.ServerRSS))
	}
	rows := []string{v.row("generator", now)}
	for _, c := range v.sorted(result.KindValid) {
		rows = append(rows, v.check("", c))
	}
	return rows
}

func us(n int64) string { return metric.FormatDuration(time.Duration(n) * time.Microsecond) }

func (v *view) errors() []string {
	if v.s.Errors == 0 {
		return []string{v.row("errors", faint.Render("none"))}
	}
	var rows []string
	for i, c := range v.s.Classes {
		label := ""
		if i == 0 {
			label = "errors"
		}
		rows = append(rows, v.row(label, alarm.Render(fmt.Sprintf("%7s", metric.FormatCount(c.N)))+"  "+pad(c.Class, 22)+" "+faint.Render(strings.Join(strings.Fields(c.Text), " "))))
	}
	if len(rows) == 0 { // counted since the last full second
		rows = append(rows, v.row("errors", alarm.Render(fmt.Sprintf("%7s", metric.FormatCount(v.s.Errors)))))
	}
	return rows
}

// trials lists those that have ended, the last one first.
func (v *view) trials() []string {
	if v.s.Cells < 2 {
		return nil
	}
	var rows []string
	for i, t := range slices.Backward(v.s.Trials) {
		label := ""
		if i == len(v.s.Trials)-1 {
			label = "ended"
		}
		mark := green.Render(pad(string(t.Verdict), 7))
		if t.Verdict != result.Pass {
			mark = alarm.Render(pad(string(t.Verdict), 7))
		}
		text := ""
		switch {
		case t.P99us > 0:
			text = fmt.Sprintf("p99 %s %s", t.Metric, board.Amount(t.P99us, t.P99Beyond))
		case t.P50us > 0:
			text = fmt.Sprintf("p50 %s %s", t.Metric, board.Amount(t.P50us, t.P50Beyond))
		}
		rows = append(rows, v.row(label, fmt.Sprintf("%s %s  %s  %s", mark, board.Label(t.Params, t.Trial), text, faint.Render(t.Reason))))
	}
	return rows
}

func (v *view) foot() string {
	if v.s.Stopping {
		return " " + alarm.Render("stopping; results so far are kept")
	}
	key := "q"
	if v.NoKeys {
		key = "Ctrl-C"
	}
	text := faint.Render(" " + key + "  stop now and keep the results so far")
	if v.s.Address == "" {
		return text
	}
	return v.apart(text, faint.Render(v.s.Address+" "))
}

func (v *view) bar(share float64) string {
	width := min(24, v.Width/4)
	if v.Width < 40 {
		return fmt.Sprintf("%.0f %%", 100*max(0, min(share, 1)))
	}
	full := max(0, min(int(share*float64(width)+0.5), width))
	on, off := "█", "░"
	if v.ASCII {
		on, off = "#", "."
	}
	return blue.Render(strings.Repeat(on, full)) + faint.Render(strings.Repeat(off, width-full))
}
