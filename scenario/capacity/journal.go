package capacity

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/throng-io/throng/scenario/journal"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
)

// open opens the journal for appending, and begins it where there is none.
func (sr *searchRun) open() error {
	path := filepath.Join(sr.opt.Dir, JournalName)
	j, documents, err := journal.Open(path)
	if err != nil {
		return fmt.Errorf("open the journal of the search: %w", err)
	}
	history, err := search.Recall(documents, sr.plan)
	if err == nil && len(documents) == 0 {
		err = j.Append(search.Head{Plan: sr.plan})
	}
	if err != nil {
		_ = j.Close() // the error before it is the one to report
		return fmt.Errorf("%s: %w", path, err)
	}
	sr.journal, sr.history = j, history
	return nil
}

// recall reads the results of the trials that are in the journal.
func (sr *searchRun) recall() error {
	all := sr.history
	sr.history = nil
	for _, o := range all {
		step, err := sr.announce(o.Level, o.Kind)
		if err != nil {
			return err
		}
		r, err := result.Read(filepath.Join(sr.opt.Dir, filepath.FromSlash(o.Ref)))
		cell := result.Cell{}
		switch {
		case err == nil && len(r.Cells) == 1:
			cell = r.Cells[0]
			sr.head(r)
		case err == nil:
			return fmt.Errorf("%s holds %d cells, and a trial of a search has one; use another directory", o.Ref, len(r.Cells))
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		sr.history, sr.cells = append(sr.history, o), append(sr.cells, cell)
		step.Again = true
		if err == nil {
			step.Cell = &sr.cells[len(sr.cells)-1]
		}
		if err := sr.report(step, o); err != nil {
			return err
		}
	}
	return nil
}

// announce fills in the fields known before a trial.
func (sr *searchRun) announce(level float64, kind search.Kind) (Step, error) {
	so, err := search.SoFar(sr.plan, sr.history)
	return Step{
		N: len(sr.history) + 1, Level: level, Text: sr.spec.Format(level), Kind: kind, SoFar: so, Spent: sr.spent(), Budget: sr.budget(),
	}, err
}

// report reports a trial that has ended and is in the history.
func (sr *searchRun) report(s Step, o search.Observation) error {
	so, err := search.SoFar(sr.plan, sr.history)
	s.SoFar, s.Verdict, s.Spent = so, o.Verdict, sr.spent()
	sr.opt.Step(s)
	return err
}

// spent is the part of its budget that this run of the search has used.
func (sr *searchRun) spent() time.Duration { return max(0, sr.took()-sr.before) }

func (sr *searchRun) budget() time.Duration {
	if sr.plan.Budget == 0 {
		return 0
	}
	return sr.plan.Budget - sr.before
}

// took is what all trials took.
func (sr *searchRun) took() (sum time.Duration) {
	for _, o := range sr.history {
		sum += o.Took
	}
	return sum
}
