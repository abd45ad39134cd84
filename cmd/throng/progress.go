package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// progress shows how a run goes: as a live view on a terminal, otherwise as a
// line every few seconds.
type progress struct {
	update func(scenario.Progress)
	close  func()
}

// plainEvery is the time between two lines where there is no terminal.
const plainEvery = 5 * time.Second

func newProgress(w io.Writer, name string, quiet bool) progress {
	if quiet {
		return progress{func(scenario.Progress) {}, func() {}}
	}
	f, isFile := w.(*os.File)
	if isFile && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return liveProgress(f, name)
	}
	var last time.Time
	phase := ""
	return progress{
		update: func(p scenario.Progress) {
			place := fmt.Sprint(p.Cell, p.Phase)
			if !p.Done && place == phase && time.Since(last) < plainEvery {
				return
			}
			last, phase = time.Now(), place
			_, _ = fmt.Fprintln(w, plainLine(p))
		},
		close: func() {},
	}
}

// plainLine is a run's state in one line.
func plainLine(p scenario.Progress) string {
	var b strings.Builder
	if p.Cells > 1 {
		fmt.Fprintf(&b, "[%d/%d %s] ", p.Cell, p.Cells, params(p))
	}
	if p.Done {
		fmt.Fprintf(&b, "done: %s", p.Verdict)
		if p.Reason != "" {
			fmt.Fprintf(&b, ": %s", p.Reason)
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s %.0fs/%.0fs  clients %d/%d  deliveries %.0f/s", orDash(p.Phase), p.Elapsed.Seconds(), p.Total.Seconds(), p.Held, p.Asked, p.DeliveriesPerS)
	if p.Metric != "" {
		fmt.Fprintf(&b, "  %s p50 %s p99 %s", p.Metric, brief(p.P50), brief(p.P99))
	}
	fmt.Fprintf(&b, "  lag p99 %s  cpu %.0f%%  lost %d  errors %d", brief(p.LagP99), 100*p.CPU, p.Lost, p.Errors)
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// brief writes a latency with three digits.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func params(p scenario.Progress) string {
	var all []string
	for k, v := range p.Params {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	if p.Trial > 1 {
		all = append(all, fmt.Sprintf("trial %d", p.Trial))
	}
	return strings.Join(all, " ")
}

// liveProgress shows a view that is redrawn in place. It reads no keys: the
// terminal keeps its own meaning of Ctrl-C.
func liveProgress(f *os.File, name string) progress {
	program := tea.NewProgram(liveView{name: name, width: 80}, tea.WithOutput(f), tea.WithInput(nil), tea.WithoutSignalHandler())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = program.Run() // a terminal that cannot be drawn on must not end a run
	}()
	return progress{
		update: func(p scenario.Progress) { program.Send(p) },
		close: func() {
			program.Send(tea.Quit())
			<-ended
		},
	}
}

// liveView is the view's state: the last thing that is known.
type liveView struct {
	name  string
	width int
	now   scenario.Progress
	ended bool
}

func (v liveView) Init() tea.Cmd { return nil }

func (v liveView) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case scenario.Progress:
		v.now = m
	case tea.WindowSizeMsg:
		v.width = m.Width
	case tea.QuitMsg:
		v.ended = true
		return v, tea.Quit
	}
	return v, nil
}

func (v liveView) View() tea.View {
	if v.ended {
		return tea.NewView("")
	}
	return tea.NewView(render(v.name, v.now, v.width))
}

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	blue  = lipgloss.NewStyle().Foreground(lipgloss.Color("#56B4E9"))
	alarm = lipgloss.NewStyle().Foreground(lipgloss.Color("#E69F00")).Bold(true)
)

// render draws the live view for a terminal of some width.
func render(name string, p scenario.Progress, width int) string {
	width = max(40, min(width, 100))
	head := bold.Render(name)
	if p.Cells > 1 {
		head += faint.Render(fmt.Sprintf("  %d of %d  ", p.Cell, p.Cells)) + params(p)
	}
	state := "warming up, not recorded"
	switch {
	case p.Phase == "" || p.Phases == 0:
		state = "starting"
	case p.Phase == "drain":
		state = "waiting for what is under way"
	case p.Recording:
		state = "recording"
	}
	rows := []string{
		head,
		row("phase", fmt.Sprintf("%s %s  %s", bold.Render(orDash(p.Phase)), bar(p.PhaseShare, 20), faint.Render(state))),
		row("time", fmt.Sprintf("%s %s of %s", bar(share(p.Elapsed, p.Total), 20), clock(p.Elapsed), clock(p.Total))),
		row("clients", fmt.Sprintf("%s of %s held%s%s", grouped(p.Held), grouped(p.Asked), count("failed", p.Failed), count("dropped", p.Dropped))),
		row("deliveries", fmt.Sprintf("%s/s  %s received%s%s", grouped(int(p.DeliveriesPerS)), grouped(int(p.Received)), count("lost", int(p.Lost)), count("duplicate", int(p.Duplicate)))),
	}
	if p.Metric != "" {
		rows = append(rows, row(p.Metric, fmt.Sprintf("p50 %s  p99 %s", bold.Render(brief(p.P50)), bold.Render(brief(p.P99)))))
	} else {
		rows = append(rows, row("latency", faint.Render("no samples yet")))
	}
	rows = append(rows, row("generator", fmt.Sprintf("lag p99 %s  CPU %.0f %%  server CPU %.0f %%", brief(p.LagP99), 100*p.CPU, 100*p.ServerCPU)))
	errors := faint.Render("none")
	if p.Errors > 0 {
		errors = alarm.Render(grouped(int(p.Errors))) + "  " + strings.Join(p.LastErrors, ", ")
	}
	rows = append(rows, row("errors", errors))
	if p.Done {
		verdict := string(p.Verdict)
		if p.Verdict != result.Pass {
			verdict = alarm.Render(verdict) + "  " + p.Reason
		}
		rows = append(rows, row("verdict", verdict))
	}
	for i, r := range rows {
		rows[i] = lipgloss.NewStyle().MaxWidth(width).Render(r)
	}
	return strings.Join(rows, "\n") + "\n"
}

func row(label, text string) string { return faint.Render(fmt.Sprintf("  %-11s", label)) + text }

func bar(share float64, width int) string {
	full := int(share*float64(width) + 0.5)
	full = max(0, min(full, width))
	return blue.Render(strings.Repeat("█", full)) + faint.Render(strings.Repeat("░", width-full))
}

func share(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return min(1, part.Seconds()/whole.Seconds())
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// count names what should be zero, and stays silent when it is.
func count(what string, n int) string {
	if n == 0 {
		return ""
	}
	return "  " + alarm.Render(grouped(n)+" "+what)
}

// grouped writes a number with spaces between thousands.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
