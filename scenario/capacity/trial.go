package capacity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
)

// search makes trials until there is an answer and the curve around it, or until ctx ends.
func (sr *searchRun) search(ctx context.Context) error {
	for first := true; ctx.Err() == nil; first = false {
		step, err := search.Next(sr.plan, sr.history)
		if err != nil {
			return err
		}
		level, kind := step.Level, step.Kind
		if step.Answer != nil {
			at, more := search.CurveLevel(sr.plan, shares(sr.spec), *step.Answer, sr.history)
			if !more {
				return nil
			}
			level, kind = at, search.Curve
		}
		began := time.Now() // the pause is a part of the budget
		if !first && !machine.Pause(ctx, sr.opt.pause) {
			return nil
		}
		err = sr.try(ctx, level, kind, began)
		if _, is := errors.AsType[*scenario.LimitError](err); is && sr.lower(level, err) {
			continue
		}
		if err != nil {
			return err
		}
		sr.bound()
	}
	return nil
}

// shares are the levels of the curve. The recommended load of a node is always among them, because
// users will experience the latencies at that load.
func shares(s *file.Search) []float64 {
	const operating, near = 0.7, 0.03
	steps := s.StepsAfter
	if len(steps) == 0 || slices.ContainsFunc(steps, func(s float64) bool { return math.Abs(s-operating) <= near }) {
		return steps
	}
	return append([]float64{operating}, steps...)
}

// try makes one trial, which began with the pause before it, and puts it into the journal. An
// interrupted one is dropped: it says nothing about its level.
func (sr *searchRun) try(ctx context.Context, level float64, kind search.Kind, began time.Time) error {
	record := sr.spec.Trial
	if kind == search.Confirm {
		record = sr.spec.ConfirmFor
	}
	f, err := sr.f.At(level, record)
	if err != nil {
		return err
	}
	step, err := sr.announce(level, kind)
	if err != nil {
		return err
	}
	sr.opt.Step(step)
	ref := fmt.Sprintf("%s/%02d", TrialsName, step.N)
	dir := filepath.Join(sr.opt.Dir, filepath.FromSlash(ref))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep the trials of the search: %w", err)
	}
	opt := sr.opt.Run
	if sr.opt.Histograms {
		opt.HistogramDir = dir
	}
	r, err := sr.opt.trial(ctx, f, opt)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if len(r.Cells) != 1 {
		return fmt.Errorf("the trial at %s measured nothing", step.Text)
	}
	cell := &r.Cells[0]
	steady(cell)
	sr.label(cell, step)
	r.Verdict = cell.Verdict
	if err := r.Write(dir); err != nil {
		return err
	}
	o := search.Observation{Level: level, Kind: kind, Verdict: verdictOf(cell), Took: time.Since(began), Reason: cell.Reason, Final: cell.TooFewSamples(), Ref: ref}
	if err := sr.journal.Append(o); err != nil {
		return fmt.Errorf("write the journal of the search: %w", err)
	}
	sr.head(r)
	sr.history, sr.cells = append(sr.history, o), append(sr.cells, *cell)
	step.Cell = cell
	return sr.report(step, o)
}

// steady fails a trial that kept every check only because it ended: work still piled up.
func steady(c *result.Cell) {
	if c.Growing == "" || c.Verdict != result.Pass {
		return
	}
	const rule = "no growth within the trial"
	c.Verdict, c.Reason = result.Fail, rule+": "+c.Growing
	c.Checks = append(c.Checks, result.Check{Text: rule, Kind: result.KindSLO, NoData: true, Note: c.Growing})
}

// label notes in a cell which trial of the search it is.
func (sr *searchRun) label(c *result.Cell, s Step) {
	c.Params = map[string]string{result.ParamLevel: s.Text}
	maps.Copy(c.Params, sr.f.Spec.Params)
	c.Trial = 1
	for _, o := range sr.history {
		if o.Level == s.Level {
			c.Trial++
		}
	}
	if c.Settings == nil {
		c.Settings = map[string]string{}
	}
	c.Settings["search"] = string(s.Kind)
}

func verdictOf(c *result.Cell) search.Verdict {
	switch c.Verdict {
	case result.Pass:
		return search.Held
	case result.Fail:
		return search.Broke
	}
	return search.Invalid
}

// head copies the fields common to the trials' results from the first of them.
func (sr *searchRun) head(r *result.Run) {
	if sr.run == nil {
		head := *r
		head.Cells, head.Warnings = nil, nil
		sr.run = &head
	}
}
