// Command truth shows that what a run reports is what happened.
//
// A server that makes mistakes on purpose (bench/planted) counts each of them. The scenario runner
// measures the same server from outside: over websocket, polling, the upgrade, MessagePack and
// binary, with clients that stay, that come and go, that change rooms, that are cut off and come
// back, and that are recovered. For each of these the program prints what was planted beside what
// was reported, and it fails when they differ by more than the bound it names: for counts 0 as a
// rule, and for times the way there and back.
//
//	go run ./bench/truth
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/throng-io/throng/bench/internal/program"
)

func main() {
	program.Main("truth", run)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("truth", flag.ContinueOnError)
	f.SetOutput(stderr)
	quick := f.Bool("quick", false, "run a few cells, and compare counts alone")
	only := f.String("only", "", "run the cells whose name matches this regular expression")
	yaml := f.Bool("yaml", false, "print the scenario of each cell as well")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	wrong, ran := []string(nil), 0
	for _, c := range cells() {
		if !match.MatchString(c.name()) || *quick && !c.quick {
			continue
		}
		if *yaml {
			_, _ = fmt.Fprintln(stdout, c.scenario("http://127.0.0.1"))
		}
		lines, err := c.measure(ctx, *quick)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		if err := show(stdout, c.name(), lines); err != nil {
			return err
		}
		for _, l := range lines {
			if !l.holds() {
				wrong = append(wrong, c.name()+": "+l.what)
			}
		}
		ran++
	}
	if ran == 0 {
		return fmt.Errorf("no cell is named like %q", *only)
	}
	if _, err := fmt.Fprintf(stdout, "%d cells, %d differences beyond the bounds\n", ran, len(wrong)); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("reported otherwise than it happened:\n  %s", strings.Join(wrong, "\n  "))
	}
	return nil
}

// A line compares one figure. Reported may be below planted by under and above it by over.
type line struct {
	what              string
	planted, reported float64
	under, over       float64
	unit              string // "ms", or "" for a count
	words             [2]string
	timed             bool // a count that a busy machine changes
}

func (l *line) holds() bool {
	if l.words[0] != "" {
		return l.words[0] == l.words[1]
	}
	return l.reported >= l.planted-l.under && l.reported <= l.planted+l.over
}

// counts are the lines that no busy machine changes.
func counts(lines []line) (out []line) {
	for _, l := range lines {
		if l.unit == "" && !l.timed {
			out = append(out, l)
		}
	}
	return out
}

func show(out io.Writer, name string, lines []line) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "%s\tplanted\treported\tbound\t\n", name)
	for _, l := range lines {
		mark := ""
		if !l.holds() {
			mark = "WRONG"
		}
		if l.words[0] != "" {
			_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t\t%s\n", l.what, l.words[0], l.words[1], mark)
			continue
		}
		bound := "exact"
		if l.under+l.over > 0 {
			bound = fmt.Sprintf("-%s +%s", amount(l.under, l.unit), amount(l.over, l.unit))
		}
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", l.what, amount(l.planted, l.unit), amount(l.reported, l.unit), bound, mark)
	}
	return w.Flush()
}

func amount(v float64, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}
