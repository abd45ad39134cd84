package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// judgeAgainst prints how the rules of a scenario would have judged a saved run, and returns the
// exit code of that.
func judgeAgainst(w io.Writer, f *file.File, dir string, asJSON bool) error {
	run, err := result.Read(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	again, err := scenario.JudgeAgain(f, run, dir)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", dir, err)}
	}
	if asJSON {
		err = writeJSON(w, judgementsOf(again))
	} else {
		err = writeFolded(w, func(w io.Writer) error { return printJudgements(w, again) })
	}
	if err = unread(err); err != nil {
		return err
	}
	if code := exitOf(again.Verdict); code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

func printJudgements(w io.Writer, run *result.Run) error {
	out := &errWriter{w: w}
	for i := range run.Cells {
		c := &run.Cells[i]
		if i > 0 {
			out.printf("\n")
		}
		if len(run.Cells) > 1 {
			out.printf("%s\n", &result.PlannedTrial{Params: c.Params, Trial: c.Trial})
		}
		out.printf("%s", strings.ToUpper(string(c.Verdict)))
		if c.Reason != "" {
			out.printf(": %s", c.Reason)
		}
		out.printf("\n")
		if out.err != nil {
			return out.err
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, k := range c.Checks {
			value, state := metric.FormatFound(k.Value, k.Limit, k.Beyond, k.Unit), "holds"
			switch {
			case k.Undecided:
				state = "undecided"
			case k.NoData && !k.Pass:
				value, state = "", "unknown"
			case !k.Pass:
				state = "broken"
			}
			row := strings.Join([]string{"  " + k.Kind, state, k.Text, value}, "\t")
			if k.Note != "" {
				row += "\t" + k.Note
			}
			if _, err := fmt.Fprintln(table, row); err != nil {
				return err
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if run.Interrupted && !run.Cells[len(run.Cells)-1].Interrupted { // else its reason says so
		out.printf("\nINVALID: the run was interrupted, and has not all of its trials\n")
	}
	return out.err
}

// judgements is the answer of `throng check --against DIR --json`. The field names are a contract.
type judgements struct {
	Scenario string         `json:"scenario"`
	Verdict  result.Verdict `json:"verdict"`
	Cells    []judgedTrial  `json:"cells"`
}

type judgedTrial struct {
	Params  map[string]string `json:"params"`
	Trial   int               `json:"trial"`
	Verdict result.Verdict    `json:"verdict"`
	Reason  string            `json:"reason,omitempty"`
	Checks  []result.Check    `json:"checks"`
}

func judgementsOf(run *result.Run) judgements {
	all := judgements{Scenario: run.Scenario, Verdict: run.Verdict, Cells: []judgedTrial{}}
	for _, c := range run.Cells {
		all.Cells = append(all.Cells, judgedTrial{c.Params, c.Trial, c.Verdict, c.Reason, c.Checks})
	}
	return all
}
