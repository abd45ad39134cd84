package screen

import (
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

// Size is the terminal's size in cells, and what it can show.
type Size struct {
	Width, Height int
	ASCII         bool // no block characters
	NoKeys        bool // keys are not read
}

// Colours are the report's: distinct for the colour-blind, and every state has a word
// or sign of its own as well.
var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	blue  = lipgloss.NewStyle().Foreground(lipgloss.Color("#56B4E9"))
	green = lipgloss.NewStyle().Foreground(lipgloss.Color("#2FB58A"))
	alarm = lipgloss.NewStyle().Foreground(lipgloss.Color("#E69F00")).Bold(true)
)

// wide is where the view stops growing.
const wide = 120

// Render draws the view. It never has more lines or wider ones than the terminal; what matters
// least goes first when room is short: empty lines, then details, then all but the state of the
// moment.
func Render(s *board.State, points []board.Point, size Size) string {
	size.Width, size.Height = max(20, min(size.Width, wide)), max(1, size.Height)
	v := view{s: s, points: points, Size: size, label: 12}
	if size.Width < 60 {
		v.label = 10
	}
	rows := v.fit(v.blocks())
	for i, r := range rows {
		rows[i] = strings.TrimRight(ansi.Truncate(r, size.Width, v.dots()), " ")
	}
	return strings.Join(rows, "\n")
}

type view struct {
	s      *board.State
	points []board.Point
	Size
	label int // width of the labels
}

// A block is some lines that belong together.
type block struct {
	lines []string
	keep  int  // lines that stay when room is short
	rank  int  // the lowest goes first when it is shorter still
	gap   bool // an empty line before it, if there is room
}

func (v *view) blocks() []block {
	charts := []string{v.rate(), v.latency("p50", func(p board.Point) int64 { return p.P50us }, v.s.P50us), v.latency("p99", func(p board.Point) int64 { return p.P99us }, v.s.P99us)}
	ledger := append([]string{v.ledger()}, v.unsent()...)
	all := []block{
		{lines: []string{v.head()}, keep: 1, rank: 10},
		{lines: []string{v.phase(), v.next()}, keep: 1, rank: 9, gap: true},
		{lines: charts, keep: 3, rank: 7, gap: true},
		{lines: []string{v.clients()}, keep: 1, rank: 8},
		{lines: ledger, keep: len(ledger), rank: 3},
		{lines: v.checks(), keep: v.urgent(result.KindSLO), rank: 6, gap: true},
		{lines: v.generator(), keep: v.urgent(result.KindValid) + 1, rank: 5, gap: true},
		{lines: v.errors(), keep: min(3, len(v.s.Classes)), rank: 4, gap: true},
		{lines: v.trials(), rank: 1, gap: true},
		{lines: []string{v.foot()}, keep: 1, rank: 2, gap: true},
	}
	if v.s.Stopping {
		all[len(all)-1].rank = 9
	}
	return slices.DeleteFunc(all, func(b block) bool { return len(b.lines) == 0 })
}

// fit makes rows of the blocks, not more than the terminal has.
func (v *view) fit(blocks []block) []string {
	height := func() (n int) {
		for _, b := range blocks {
			n += len(b.lines)
		}
		return n
	}
	for over := height() - v.Height; over > 0; over = height() - v.Height {
		if !v.shorten(blocks) {
			least := 0
			for i := range blocks {
				if blocks[i].rank < blocks[least].rank {
					least = i
				}
			}
			if len(blocks) == 1 {
				break
			}
			blocks = slices.Delete(blocks, least, least+1)
		}
	}
	spare := v.Height - height()
	var rows []string
	for i, b := range blocks {
		if b.gap && spare > 0 && i > 0 {
			rows, spare = append(rows, ""), spare-1
		}
		rows = append(rows, b.lines...)
	}
	return rows
}

// shorten takes a line from the longest list that has one to spare, and says in its last line how
// many are missing.
func (v *view) shorten(blocks []block) bool {
	longest := -1
	for i, b := range blocks {
		if len(b.lines) > max(1, b.keep) && (longest < 0 || len(b.lines)-b.keep > len(blocks[longest].lines)-blocks[longest].keep) {
			longest = i
		}
	}
	if longest < 0 {
		return false
	}
	b := &blocks[longest]
	b.lines = b.lines[:len(b.lines)-1]
	return true
}

func (v *view) row(label, text string) string {
	return faint.Render(fmt.Sprintf(" %-*s ", v.label, label)) + text
}

// head names the run and, of a matrix, the trial.
func (v *view) head() string {
	s := v.s
	left := " " + bold.Render(s.Name)
	if s.Cells > 1 {
		left += faint.Render(fmt.Sprintf("  trial %d of %d  ", s.Cell, s.Cells)) + board.Label(s.Params, s.Trial)
	}
	right := fmt.Sprintf("%s of %s ", board.Clock(s.Elapsed), board.Clock(s.Total))
	if s.Cells > 1 {
		right = fmt.Sprintf("%s left in all ", board.Clock(s.Left))
	}
	if s.Cell == 0 || v.Width < 50 {
		right = ""
	}
	return v.apart(left, faint.Render(right))
}

// apart puts one text at each end of the line; the left one gives way.
func (v *view) apart(left, right string) string {
	room := v.Width - lipgloss.Width(right) - 1
	left = ansi.Truncate(left, max(0, room), v.dots())
	return left + strings.Repeat(" ", max(1, v.Width-lipgloss.Width(left)-lipgloss.Width(right))) + right
}

func (v *view) dots() string {
	if v.ASCII {
		return "..."
	}
	return "…"
}

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

func (v *view) latency(name string, f func(board.Point) int64, sum int64) string {
	label := name
	if v.s.Metric != "" {
		label = name + " " + v.s.Metric
	}
	now, total := faint.Render("no samples yet"), ""
	if v.s.Metric != "" {
		total = "all " + metric.FormatDuration(time.Duration(sum)*time.Microsecond)
		now = "-"
		if us := f(v.s.Last); us > 0 {
			now = bold.Render(metric.FormatDuration(time.Duration(us) * time.Microsecond))
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
		value = faint.Render("no data yet")
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
	now := fmt.Sprintf("lag p99 %s  CPU %.0f %%  GC %s", us(p.Lagus), 100*p.CPU, us(p.GCus))
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
		if t.Metric != "" {
			text = fmt.Sprintf("p99 %s %s", t.Metric, us(t.P99us))
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
