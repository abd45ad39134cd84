package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/reports/compare"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/pairs"
	"github.com/throng-io/throng/scenario/result"
)

// liveFlags are what `throng compare --live` can be told.
type liveFlags struct {
	on          bool
	budget      time.Duration
	until       string
	set, secret []string
	quiet       bool
	force       bool
	allow       bool
}

// defaultUntil is the change that a comparison without conditions looks for.
const defaultUntil = 0.05

func (l *liveFlags) define(f *pflag.FlagSet) {
	f.BoolVar(&l.on, "live", false, "run two builds in turn, and compare them: BASE HEAD FILE|NAME")
	f.DurationVar(&l.budget, "budget", 3*time.Minute, "with --live: begin no pair of trials that would end later than this")
	f.StringVar(&l.until, "until", "", "with --live: end when a `CHANGE` such as 5% would have been found (default the limits of --fail-if, else 5%)")
	f.StringArrayVar(&l.set, "set", nil, "with --live: override a variable or a key of the scenario: `KEY=VALUE`")
	secretFlag(f, &l.secret)
	allowRunFlag(f, &l.allow)
	f.BoolVar(&l.force, "force", false, "with --live: overwrite a result that is in the directory already")
	f.BoolVar(&l.quiet, "quiet", false, "with --live: no progress")
}

// onlyLive are the flags that mean nothing without --live.
var onlyLive = []string{"budget", "until", "set", "secret", "allow-run", "force", "quiet"}

// check refuses flags that do not go together.
func (l *liveFlags) check(cmd *cobra.Command) error {
	changed := cmd.Flags().Changed
	if !l.on {
		for _, name := range onlyLive {
			if changed(name) {
				return fmt.Errorf("--%s is for trials that are run; add --live, or leave it out", name)
			}
		}
		return nil
	}
	for _, name := range []string{"by", "base"} {
		if changed(name) {
			return fmt.Errorf("--%s is for saved results; leave it out with --live", name)
		}
	}
	if l.budget <= 0 {
		return errNoBudget(l.budget)
	}
	return nil
}

// A liveComparison is a comparison under way.
type liveComparison struct {
	flags  *liveFlags
	gates  []compare.Gate
	until  float64 // 0: the limits of the gates
	stderr io.Writer
}

// compareLive runs BASE and HEAD in turn and compares them. It returns the comparison, the
// directory of its results, and the error to end with when both are written.
func compareLive(cmd *cobra.Command, args []string, out string, gates []compare.Gate, l *liveFlags) (*compare.Comparison, string, error) {
	live := &liveComparison{flags: l, gates: gates, stderr: cmd.ErrOrStderr()}
	if l.quiet {
		live.stderr = io.Discard
	}
	f, opt, sides, err := live.prepare(args)
	if err != nil {
		return nil, "", err
	}
	dir := outputDir(f, out, false)
	release, err := claim(dir, l.force)
	if err != nil {
		return nil, "", err
	}
	defer release()
	opt.Dir, opt.Run.TraceDir = dir, dir
	keepScenario(cmd.ErrOrStderr(), dir, "compare --live BASE HEAD", f, &opt.Run)
	leftOut(cmd.ErrOrStderr(), f)
	began := time.Now()
	run, runErr := pairs.Run(cmd.Context(), sides[0], sides[1], opt)
	if run == nil {
		if cmd.Context().Err() != nil {
			return nil, "", &exitError{exitInterrupted, runErr}
		}
		return nil, "", classify(runErr)
	}
	err = errors.Join(removeLeftovers(dir, run.Started), write(io.Discard, f, dir, run, false), result.RemoveJournal(dir))
	if err != nil {
		return nil, "", err
	}
	switch {
	case runErr != nil:
		runErr = classify(runErr)
	case cmd.Context().Err() != nil:
		runErr = &exitError{code: exitInterrupted}
	}
	c, err := live.compare(run)
	if err != nil { // of one side there is nothing
		return nil, "", cmp.Or(runErr, oneSide(run, l.budget, dir))
	}
	if runErr == nil {
		live.conclude(c, time.Since(began))
	} else {
		c.Notes = append(c.Notes, "The comparison ended early: it has the pairs until then.")
	}
	return c, dir, runErr
}

// oneSide is the error of a comparison of which only one build has run: within the budget no trial
// of it was valid, or none of the other could begin.
func oneSide(run *result.Run, budget time.Duration, dir string) error {
	why := ""
	if n := len(run.Cells); n > 0 && run.Cells[n-1].Verdict == result.Invalid {
		why = ", whose trials were invalid: " + result.Line(run.Cells[n-1].Reason)
	}
	return &exitError{exitInvalid, fmt.Errorf("no pair of trials ended within the budget of %v: only one build has run%s; try the scenario with 'throng run', or give a longer --budget; the trials are in %s", budget, why, dir)}
}

// prepare reads the sides and the scenario.
func (live *liveComparison) prepare(args []string) (f *file.File, opt pairs.Options, sides [2]pairs.Side, err error) {
	l := live.flags
	if l.until != "" {
		percent, perr := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(l.until, "%")), 64)
		if perr != nil || !strings.HasSuffix(l.until, "%") || !(percent > 0 && percent <= 1000) { // NaN neither
			return nil, opt, sides, fmt.Errorf("--until %q is not a change; write one such as 5%%", l.until)
		}
		live.until = percent / 100
	} else if len(live.gates) == 0 {
		live.until = defaultUntil
	}
	set, err := parseSet(l.set, l.secret)
	if err != nil {
		return nil, opt, sides, err
	}
	if args[2] == "-" {
		return nil, opt, sides, errors.New("the scenario of a live comparison is read for both sides; name a file instead of -")
	}
	for i, text := range args[:2] {
		b, err := parseBuild(text)
		if err != nil {
			return nil, opt, sides, err
		}
		sides[i], err = b.side(func(more map[string]string) (*file.File, error) {
			all := maps.Clone(set)
			maps.Copy(all, more)
			all["matrix.repeat"] = "1" // the pairs are the repeats
			return load(nil, args[2], all, l.secret...)
		})
		if err != nil {
			return nil, opt, sides, err
		}
	}
	f = sides[0].File
	opt = pairs.Options{Budget: l.budget, Enough: live.enough, Step: live.step}
	opt.Run = scenario.Options{Version: result.Version(), AllowRun: l.allow, Yardstick: true}
	opt.Run.Command = commandLine("compare", ownArguments(), l.secret, f)
	return f, opt, sides, nil
}

// compare compares the sides of a run.
func (live *liveComparison) compare(run *result.Run) (*compare.Comparison, error) {
	return compare.Inputs([]compare.Input{{Name: "live", Run: run}}, compare.Options{By: result.AxisBuild, Base: result.BuildBase, Gates: live.gates})
}

// enough says whether the pairs so far will do, and how they stand.
func (live *liveComparison) enough(run *result.Run) bool {
	c, err := live.compare(run)
	if err != nil {
		return false // the end says why
	}
	_, _ = fmt.Fprintf(live.stderr, "     %s\n", c.Standing())
	return c.Narrow(live.until)
}

// step says what a trial is, and when it was invalid why.
func (live *liveComparison) step(s pairs.Step) {
	switch {
	case s.Cell == nil:
		again := ""
		if s.Again {
			again = ", again"
		}
		_, _ = fmt.Fprintf(live.stderr, "#%-3d %s%s  %s of %s\n", s.Pair, s.Side, again, minutes(s.Spent), minutes(s.Budget))
	case s.Cell.Verdict == result.Invalid:
		_, _ = fmt.Fprintf(live.stderr, "     invalid: %s\n", result.Line(s.Cell.Reason))
	}
}

// conclude notes why the comparison ended, and what else it takes.
func (live *liveComparison) conclude(c *compare.Comparison, took time.Duration) {
	n, needed := c.TrialPairs(), 0
	for _, f := range c.Findings {
		needed = max(needed, f.Needed)
	}
	each := took / time.Duration(max(1, n))
	switch {
	case n == 0 && !c.Empty():
		c.Notes = append(c.Notes, "In no pair of trials both were valid, so nothing is decided.")
	case n == 0: // the comparison says so
	case needed > pairs.MaxPairs:
		c.Notes = append(c.Notes, fmt.Sprintf("To decide all conditions takes more than the %d pairs that are made at most: make the trials longer, the machine quieter, or a limit wider.", pairs.MaxPairs))
	case needed > n:
		c.Notes = append(c.Notes, fmt.Sprintf("To decide all conditions takes about %d pairs at %v each: --budget %v.", needed, each.Round(time.Second/10), (time.Duration(needed+1)*each).Round(time.Minute)+time.Minute))
	case live.until > 0 && !c.Narrow(live.until):
		c.Notes = append(c.Notes, fmt.Sprintf("The budget of %v was spent before a change of %s would have been found in every metric that the comparison is about; the column detectable says which would.", live.flags.budget, metric.FormatShare(live.until)))
	}
}
