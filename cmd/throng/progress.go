package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/cmd/throng/internal/screen"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/metric"
)

// progress shows how a run goes: as a live view on a terminal, otherwise as a
// line every few seconds.
type progress struct {
	board  *board.Board
	update func(scenario.Progress)
	close  func()
}

// plainEvery is the time between two lines where there is no terminal.
const plainEvery = 5 * time.Second

// newProgress shows the run of a scenario on w. Where keys can be read from
// standard input, stop is called when the user asks for an early end; nil leaves
// the keys alone.
func newProgress(w io.Writer, name, about string, quiet bool, stop func()) progress {
	b := board.New(name, about)
	if quiet {
		return progress{b, b.Update, func() {}}
	}
	// A job in the background does not write to the screen.
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && foreground(f) {
		o := screen.Options{Out: f, Env: os.Environ(), ASCII: plainTerminal(os.Getenv), Stop: stop}
		if stop != nil && term.IsTerminal(int(os.Stdin.Fd())) && foreground(os.Stdin) {
			o.In = os.Stdin
		}
		s := screen.Start(b, o)
		return progress{b, b.Update, s.Close}
	}
	return progress{b, plainLines(w, b.Update), func() {}}
}

// plainTerminal reports whether block characters would not show: the console of Linux lacks them,
// and a locale without UTF-8 rules them out. Without any locale, as on Windows, they are shown.
func plainTerminal(env func(string) string) bool {
	if env("TERM") == "linux" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := env(name); locale != "" {
			return !strings.Contains(strings.ReplaceAll(strings.ToUpper(locale), "-", ""), "UTF8")
		}
	}
	return false
}

// plainLines writes a line at each new phase and every few seconds.
func plainLines(w io.Writer, then func(scenario.Progress)) func(scenario.Progress) {
	var last time.Time
	phase, doubt := "", ""
	return func(p scenario.Progress) {
		then(p)
		if p.Doubt != "" && p.Doubt != doubt { // at once, and not in every line
			_, _ = fmt.Fprintln(w, "so far: "+p.Doubt)
		}
		doubt = p.Doubt
		place := fmt.Sprint(p.Cell, p.Phase)
		if !p.Done && place == phase && time.Since(last) < plainEvery {
			return
		}
		last, phase = time.Now(), place
		_, _ = fmt.Fprintln(w, plainLine(p))
	}
}

// plainLine is a run's state in one line.
func plainLine(p scenario.Progress) string {
	var b strings.Builder
	if p.Cells > 1 {
		of := fmt.Sprintf("%d/%d %s", p.Cell, p.Cells, board.Label(p.Params, p.Trial))
		fmt.Fprintf(&b, "[%s] ", strings.TrimSpace(of))
	}
	if p.Done {
		fmt.Fprintf(&b, "done: %s", p.Verdict)
		if p.Reason != "" {
			fmt.Fprintf(&b, ": %s", p.Reason)
		}
		return b.String()
	}
	phase := p.Phase
	if phase == "" {
		phase = "-"
	}
	fmt.Fprintf(&b, "%s %.0fs/%.0fs  clients %d/%d  deliveries %s", phase, p.Elapsed.Seconds(), p.Total.Seconds(), p.Held, p.Asked, metric.FormatRate(p.DeliveriesPerS))
	if p.P50 > 0 {
		fmt.Fprintf(&b, "  %s p50 %s", p.Metric, board.Amount(p.P50.Microseconds(), p.P50Beyond))
	}
	if p.P99 > 0 {
		fmt.Fprintf(&b, " p99 %s", board.Amount(p.P99.Microseconds(), p.P99Beyond))
	}
	fmt.Fprintf(&b, "  lag max %s  cpu %s  missing %d  errors %d", metric.FormatDuration(p.LagMax), metric.FormatShare(p.CPU), p.Missing, p.Errors)
	if p.HeldBack > 0 {
		fmt.Fprintf(&b, "  held back %d", p.HeldBack)
	}
	if p.GivenUp > 0 {
		fmt.Fprintf(&b, "  given up %d", p.GivenUp)
	}
	for _, c := range p.Checks {
		if !c.NoData && !c.Undecided && !c.Pass && !c.Optional {
			fmt.Fprintf(&b, "  failing: %s (%s)", c.Text, metric.FormatFound(c.Value, c.Limit, c.Beyond, c.Unit))
			break
		}
	}
	if p.Cells > 1 {
		fmt.Fprintf(&b, "  %s left in all", board.Clock(p.Left.Seconds()))
	}
	return b.String()
}
