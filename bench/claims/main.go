package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/result"
)

func main() {
	program.Main("claims", command)
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("claims", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var only, known []string
	for _, c := range claims {
		known = append(known, c.name)
	}
	flags.Var(program.Choice(&only, known...), "only", "names of claims (default all)")
	out := flags.String("out", "bench", "the folder of claims.md and results/claims; \"\" prints the text alone, as --only and --quick do without --out")
	quick := flags.String("quick", "", "scale the scenarios down to this share, to try them")
	if err := program.Parse(flags, args); err != nil {
		return err
	}
	if part := only != nil || *quick != ""; part && !given(flags, "out") {
		*out = "" // it must not take the place of the whole
	}
	work, err := os.MkdirTemp("", "claims")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	throng, err := program.Build(ctx, work, "cmd/throng")
	if err != nil {
		return err
	}
	figures := ""
	if *out != "" {
		figures = filepath.Join(*out, "results", "claims")
		if err := os.MkdirAll(figures, 0o755); err != nil {
			return err
		}
	}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "# What is said of Socket.IO, measured\n\nMade by `make claims` on %s, with our own server, server and generator on one machine: the alternatives of a sentence\n"+
		"in turn, round by round. \"1.20x [1.10, 1.31]\" is the ratio of the values of the same round, its geometric mean, with the interval that\n"+
		"holds with 95 %%. When a sentence is true was written down before anything was measured; where an interval includes the limit,\n"+
		"it is not shown. Absolute figures are this machine's.\n", time.Now().UTC().Format("2006-01-02"))
	machine := ""
	for _, c := range chosen(only) {
		t, err := measure(ctx, c, throng, filepath.Join(work, c.name), *quick, stderr)
		if err != nil {
			return err
		}
		machine = t.machine
		figure := ""
		if figures != "" {
			drawn, err := t.draw(figures)
			if err != nil {
				return err
			}
			if drawn {
				figure = "results/claims/" + c.name + ".svg"
			}
		}
		t.markdown(&text, figure)
	}
	_, _ = fmt.Fprintf(&text, "\nThe machine: %s.\n", machine)
	if *out == "" {
		_, err := io.WriteString(stdout, text.String())
		return err
	}
	return os.WriteFile(filepath.Join(*out, "claims.md"), []byte(text.String()), 0o644)
}

// given reports whether a flag is on the command line.
func given(flags *flag.FlagSet, name string) (is bool) {
	flags.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// chosen returns the claims with these names; nil: all.
func chosen(names []string) []*claim {
	if names == nil {
		return claims
	}
	return slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return !slices.Contains(names, c.name) })
}

// measure runs the scenario of a claim.
func measure(ctx context.Context, c *claim, throng, dir, quick string, stderr io.Writer) (*table, error) {
	args := []string{"run", filepath.Join("bench", "claims", "scenarios", c.name+".yaml"), "--quiet", "--out", dir}
	if quick != "" {
		args = append(args, "--quick="+quick)
	}
	if err := execute(ctx, stderr, throng, args...); err != nil {
		return nil, err
	}
	run, err := result.Read(dir)
	if err != nil {
		return nil, err
	}
	return tableOf(c, run)
}

// execute runs throng. The verdicts of a run, 1 and 3, are no errors here: the table says what was
// valid.
func execute(ctx context.Context, stderr io.Writer, throng string, args ...string) error {
	cmd := exec.CommandContext(ctx, throng, args...)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if code := cmd.ProcessState.ExitCode(); code == 1 || code == 3 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("throng %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
