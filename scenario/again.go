package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/result"
)

// JudgeAgain says how the rules of a file would have judged a saved run: a copy of it with other
// checks, verdicts and reasons. An interrupted run is invalid, and trials that were repeated do not
// count. dir is where its histogram logs are, which rules over windows need. Each trial is judged
// by the rules of the file's combination with the same parameters; a file with one combination
// judges all. A rule that the result cannot answer is noted as "not in this result", and makes the
// trial invalid unless it is optional.
func JudgeAgain(f *file.File, run *result.Run, dir string) (*result.Run, error) {
	again := *run
	again.Cells, again.Verdict, again.Capacity = slices.Clone(run.Cells), result.Pass, nil
	if len(run.Cells) == 0 {
		return nil, errors.New("the result has no trials: there is nothing to judge")
	}
	for i := range again.Cells {
		cell := &again.Cells[i]
		rules, err := rulesFor(f, cell)
		if err != nil {
			return nil, err
		}
		e, err := judge.Recall(cell, rules, func(metric string) []result.Interval { return savedLog(dir, run, i, metric) })
		if err != nil {
			return nil, fmt.Errorf("trial %d: %w", i+1, err)
		}
		j := judge.Judge(e, rules)
		cell.Checks, cell.Verdict, cell.Reason = j.Checks, j.Verdict, j.Reason
		if !cell.Repeated {
			again.Verdict = result.Worst(again.Verdict, j.Verdict)
		}
	}
	if run.Interrupted {
		again.Verdict = result.Invalid // whatever the trials say that have ended
	}
	return &again, nil
}

// rulesFor finds the rules that a file has for a trial.
func rulesFor(f *file.File, cell *result.Cell) (judge.Rules, error) {
	cells := f.Cells()
	for _, c := range cells {
		if maps.Equal(c.Spec.Params, cell.Params) || len(c.Spec.Params) == 0 && len(cells) == 1 {
			return judge.Rules{SLO: c.Spec.SLO, Valid: c.Spec.Valid}, nil
		}
	}
	return judge.Rules{}, fmt.Errorf("the result has trials of %s, which is not a combination of the scenario: judge it by a scenario with the same matrix, or by a scenario without a matrix", strings.Join(result.ParamList(cell.Params), " "))
}

// savedLog reads the log of a metric of trial i; nil when there is none. The log of an interrupted
// run is numbered by the trials that were planned, and the only trial of a run has no number, also
// when it was made again later.
func savedLog(dir string, run *result.Run, i int, metric string) []result.Interval {
	for _, name := range []string{result.CellName(i, len(run.Cells)), result.CellName(i, i+2), result.CellName(i, i+1)} {
		if intervals, err := result.ReadLog(dir, name, metric, run.Cells[i].Started); err == nil {
			return intervals
		}
	}
	return nil
}
