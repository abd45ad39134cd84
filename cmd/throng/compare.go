package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports/compare"
)

func compareCommand() *cobra.Command {
	var opt compare.Options
	var failIf []string
	var out string
	var asJSON, asMarkdown bool
	var draw drawFlags
	cmd := &cobra.Command{
		Use:   "compare A B...",
		Short: "Compare results and test whether the differences are real",
		Long: `Compare results: directories of runs, or their result.json. The first is the base.
DIR#axis=value selects the cells of a run with that value; --by AXIS compares the
values of an axis within one run. The output lists other differences between the
sides first, then each metric with its change, confidence interval and test.

A trial is one sample: repeat both sides at least five times (matrix: {repeat: 5}
in the scenario, or throng run ... --set matrix.repeat=5). With fewer than
four a side no difference can be shown.

--fail-if takes p50, p99 or p99.9 of delivery, fanout.last, ack or connect, as in
'p99(delivery) > +10%'; loss(delivery), rate(delivery), efficiency (deliveries per
CPU second of the server), memory(client) and max(server.rss).

Exit codes: 0 no condition of --fail-if was met, 1 a condition was met, 2 bad usage or
file, 3 a condition could not be judged: not measured, or too few trials.`,
		Example: `  throng compare out/before out/after
  throng compare out/before out/after out/later
  throng compare out/fanouts --by fanout --base serial
  throng compare 'out/a#fanout=batched' 'out/b#fanout=serial'
  throng compare out/main out/change --fail-if 'p99(delivery) > +10%' --markdown`,
		Args: arguments(1, unlimited),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := draw.ofComparison(out)
			if err != nil {
				return err
			}
			inputs, err := each(args, compare.Open)
			if err != nil {
				return err
			}
			gates, err := each(failIf, compare.ParseGate)
			if err != nil {
				return fmt.Errorf("--fail-if %w", err)
			}
			opt.Gates = gates
			c, err := compare.Inputs(inputs, opt)
			if err != nil {
				return err
			}
			if err := printComparison(cmd, c, asJSON, asMarkdown); err != nil {
				return err
			}
			if out != "" {
				if err := c.Write(out, what); err != nil {
					return err
				}
				if !asJSON && !asMarkdown {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "\ncomparison: %s\n", filepath.Join(out, compare.PageName))
				}
			}
			if code := gateCode(c.Findings); code != exitPass {
				return &exitError{code: code}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.By, "by", "", "compare the values of this `AXIS` within one run")
	f.StringVar(&opt.Base, "base", "", "with --by: the `VALUE` to compare the others with (default the first)")
	f.StringArrayVar(&failIf, "fail-if", nil, "exit 1 when a change is statistically shown and meets this `CONDITION`: 'p99(delivery) > +10%'")
	f.StringVar(&out, "out", "", "write compare.html, compare.json, compare.md and the figures to this `DIR`")
	draw.add(cmd)
	f.BoolVar(&asMarkdown, "markdown", false, "print Markdown for a pull request")
	f.BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	cmd.MarkFlagsMutuallyExclusive("markdown", "json")
	return cmd
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
	if err := c.Text(w); err != nil {
		return err
	}
	if len(c.Findings) > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return c.GateText(w)
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
