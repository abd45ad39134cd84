package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/compare"
)

// compareFlags are what `throng compare` can be told.
type compareFlags struct {
	opt                compare.Options
	failIf             []string
	out                string
	asJSON, asMarkdown bool
	draw               drawFlags
	live               liveFlags
	history            string
}

// compareHelp explains the command.
const compareHelp = `Compare two builds of a server, or saved results, and test whether the differences
are real.

--live runs BASE and HEAD in turn with one scenario: pairs of trials, one of each build,
in alternating order. A build is the URL of a server that runs, a command that starts one
on $PORT ("node server.js": a single program, which is started for each trial), or the
path of a build of throng. It ends when a change of --until would have been found, or with the
budget. Invalid trials are repeated. The results go to out/NAME-TIME, or --out.

Otherwise compare directories of runs, or their result.json. The first is the base.
DIR#axis=value selects the cells of a run with that value; --by AXIS compares the values
of an axis within one run. What differs between the sides is said first.

A trial is one sample. Trials of both sides that ran in turn are compared pair by pair
(Wilcoxon's signed-rank test), so that a drift of the machine is in neither side. Runs
one after the other are compared by Mann-Whitney, and decide no condition. The p-values
are corrected (Holm) for all metrics and conditions together: at most one in twenty
comparisons of equal builds shows any difference.

--history DIR takes the last ten results below DIR, as of a branch, and RESULT as the
newest, and says since which of them a metric is another one: a change point, which
decides no condition. It takes eight results, and two of them after the change.

--fail-if takes p50, p99 or p99.9 of delivery, fanout.last, ack or connect, as in
'p99(delivery) > +10%'; cpu(delivery) (CPU time of the server per delivery) or its inverse
efficiency, loss(delivery), rate(delivery), memory(client) and max(server.rss).
A condition fails when a change is shown and its estimate is beyond the limit. It holds
when the trials would have found a change as large as the limit. Otherwise it is not
decided, with the number of pairs that it takes.

Exit codes: 0 no condition of --fail-if was met, 1 a condition was met, 2 bad usage or
file, 3 a condition was not decided or there were no valid trials to compare, 4 a server
of --live cannot be reached, 130 interrupted.`

func compareCommand() *cobra.Command {
	var flags compareFlags
	cmd := &cobra.Command{
		Use:   "compare A B... | --live BASE HEAD FILE|NAME | --history DIR [RESULT]",
		Short: "Compare two builds, or saved results, and test whether the differences are real",
		Long:  compareHelp,
		Example: `  throng compare --live ./main ./change broadcast --fail-if 'cpu(delivery) > +5%'
  throng compare --live 'node a/server.js' 'node b/server.js' my.yaml --budget 10m
  throng compare out/fanouts --by fanout --base serial --markdown
  throng compare --history out`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case flags.history != "" && len(args) > 1:
				return fmt.Errorf("--history takes one result, the newest, or none; %q is one too many", args[1])
			case flags.history != "":
				return flags.checkHistory(cmd)
			case flags.live.on && len(args) != 3:
				return fmt.Errorf("--live takes BASE, HEAD and a scenario, and there are %d arguments; put a command in quotes, and see 'throng help compare'", len(args))
			case len(args) == 0:
				return fmt.Errorf("nothing to compare; write throng compare A B, or throng compare --live BASE HEAD FILE ('throng help compare' explains it)")
			}
			return flags.live.check(cmd)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			gates, err := each(flags.failIf, compare.ParseGate)
			if err != nil {
				return fmt.Errorf("--fail-if %w", err)
			}
			flags.opt.Gates = gates
			switch {
			case flags.history != "":
				return flags.compareHistory(cmd, args)
			case flags.live.on:
				return flags.compareLive(cmd, args)
			}
			return flags.compareSaved(cmd, args)
		},
	}
	group(
		cmd,
		flagGroup{"Two builds in turn", flags.live.define},
		flagGroup{"Saved results", func(f *pflag.FlagSet) {
			f.StringVar(&flags.opt.By, "by", "", "compare the values of this `AXIS` within one run")
			f.StringVar(&flags.opt.Base, "base", "", "with --by: the `VALUE` to compare the others with (default the first)")
			f.StringVar(&flags.history, "history", "", "look for a change point in the last ten results below this `DIR`")
		}},
		flagGroup{"The answer", func(f *pflag.FlagSet) {
			f.StringArrayVar(&flags.failIf, "fail-if", nil, "exit 1 when a change is statistically shown and meets this `CONDITION`: 'p99(delivery) > +10%'")
			f.StringVar(&flags.out, "out", "", "write compare.html, compare.json, compare.md and the figures to this `DIR`; with --live, to compare/ in it, beside the results")
			flags.draw.add(f)
			f.BoolVar(&flags.asMarkdown, "markdown", false, "print Markdown for a pull request")
			jsonFlag(f, &flags.asJSON)
		}},
	)
	complete(cmd, "format", flags.draw.offered)
	cmd.MarkFlagsMutuallyExclusive("markdown", "json")
	return cmd
}

// compareSaved compares saved results.
func (flags *compareFlags) compareSaved(cmd *cobra.Command, args []string) error {
	what, err := flags.draw.ofComparison(flags.out)
	if err != nil {
		return err
	}
	inputs, err := each(args, compare.Open)
	if err != nil {
		return err
	}
	c, err := compare.Inputs(inputs, flags.opt)
	if err != nil {
		return err
	}
	code := gateCode(c.Findings)
	if c.Empty() {
		code = exitInvalid
	}
	return flags.end(cmd, c, flags.out, what, code)
}

// compareLive runs two builds and compares them.
func (flags *compareFlags) compareLive(cmd *cobra.Command, args []string) error {
	what, err := flags.draw.ofComparison("its results")
	if err != nil {
		return err
	}
	c, dir, runErr := compareLive(cmd, args, flags.out, flags.opt.Gates, &flags.live)
	if c == nil {
		return runErr
	}
	code := gateCode(c.Findings)
	if c.TrialPairs() == 0 {
		code = exitInvalid
	}
	return errors.Join(runErr, flags.end(cmd, c, filepath.Join(dir, baselineDir), what, code))
}

// checkHistory refuses flags that say nothing about a history.
func (flags *compareFlags) checkHistory(cmd *cobra.Command) error {
	for _, name := range append([]string{"live", "by", "base", "fail-if", "out", "format", "figure-width"}, onlyLive...) {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s does not go with --history, which only looks for a change point; leave it out", name)
		}
	}
	return nil
}

// compareHistory looks for a change point in saved results.
func (flags *compareFlags) compareHistory(cmd *cobra.Command, args []string) error {
	inputs, err := each(args, compare.Open)
	if err != nil {
		return err
	}
	var newest *compare.Input
	if len(inputs) == 1 {
		newest = &inputs[0]
	}
	h, err := compare.OpenHistory(flags.history, newest)
	if err != nil {
		return err
	}
	switch w := cmd.OutOrStdout(); {
	case flags.asJSON:
		return h.JSON(w)
	case flags.asMarkdown:
		return h.Markdown(w)
	default:
		return writeFolded(w, h.Text)
	}
}

// end prints a comparison, writes it to dir unless that is "", and ends with a code.
func (flags *compareFlags) end(cmd *cobra.Command, c *compare.Comparison, dir string, what reports.Drawing, code int) error {
	said := printComparison(cmd, c, flags.asJSON, flags.asMarkdown)
	err := unread(said)
	if dir != "" {
		err = errors.Join(err, c.Write(dir, what))
	}
	if err != nil {
		return err
	}
	if dir != "" && said == nil && !flags.asJSON && !flags.asMarkdown {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "\ncomparison: %s\n", filepath.Join(dir, compare.PageName))
	}
	if code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

// each reads every text, up to the first error.
func each[T any](texts []string, read func(string) (T, error)) ([]T, error) {
	all := make([]T, 0, len(texts))
	for _, text := range texts {
		one, err := read(text)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func printComparison(cmd *cobra.Command, c *compare.Comparison, asJSON, asMarkdown bool) error {
	w := cmd.OutOrStdout()
	switch {
	case asJSON:
		return c.JSON(w)
	case asMarkdown:
		return c.Markdown(w)
	}
	if err := writeFolded(w, c.Text); err != nil {
		return err
	}
	if len(c.Findings) > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return writeFolded(w, c.GateText)
}

// gateCode is the exit code of the gates. A gate that could not judge does not pass.
func gateCode(findings []compare.Finding) int {
	code := exitPass
	for _, f := range findings {
		switch {
		case f.Failed:
			return exitFail
		case f.Unjudged:
			code = exitInvalid
		}
	}
	return code
}
