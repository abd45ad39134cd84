// Package capacity runs a search for the highest load that a server carries with all checks of the
// scenario kept.
//
// [scenario/search] says which level comes next; this package makes the trial, as a real run of the
// scenario at that level, and keeps what it measured. Each trial leaves its result in a directory
// of its own and then a line in the journal, synced to disk, so that whatever ends the program
// loses the trial under way and nothing else: run again in the same directory, the search goes on.
//
// The levels that this machine cannot play are left out from the start, with the reason. A trial
// that its `valid:` rules call invalid is never evidence about the server.
package capacity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/journal"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
)

// JournalName is the journal in the directory of a search; the results of its trials are below
// TrialsName.
const (
	JournalName = result.JournalName
	TrialsName  = "trials"
)

// Options say how to search. Dir is needed.
type Options struct {
	// Dir is an existing directory. A journal there of the same search is gone on with; one of
	// another search is an error.
	Dir string
	// Run is how each trial is run; its HistogramDir is the trial's own directory when Histograms
	// is set.
	Run        scenario.Options
	Histograms bool
	// Budget is the time to search for, without the trials that are in the journal already; 0 = the
	// file's budget.
	Budget time.Duration
	// Step is called before and after each trial, and for each trial of the journal. It must not
	// block. May be nil.
	Step func(Step)
	// PlanFor is a load to plan nodes for, of which Spare may fail at once; noted in the result.
	PlanFor float64
	Spare   int

	// trial runs one trial; tests put models here. nil = scenario.Run.
	trial func(ctx context.Context, f *file.File, opt scenario.Options) (*result.Run, error)
	pause time.Duration // between trials; 0 = pauseBetween
}

// Step is a trial of the search.
type Step struct {
	N       int // from 1
	Level   float64
	Text    string // the level as a scenario file writes it
	Kind    search.Kind
	SoFar   search.Answer  // the bracket before this trial, and with Cell after it
	Cell    *result.Cell   // nil: it begins now
	Verdict search.Verdict // with Cell
	// from the journal of an earlier run; Cell is nil when its result is lost
	Again  bool
	Spent  time.Duration // of the budget, by this run of the search
	Budget time.Duration // 0: no limit
}

// pauseBetween lets a server and the system get over a trial.
const pauseBetween = time.Second

// A hunt is a search under way.
type hunt struct {
	f       *file.File
	opt     Options
	spec    *file.Search
	plan    search.Plan
	history []search.Observation
	cells   []result.Cell // by place in the history; Verdict "" where the result is lost
	before  time.Duration // time of the trials that were in the journal
	limited string
	journal *journal.File
	run     *result.Run
}

// Run searches and returns its result with every trial as a cell. When ctx ends it returns the
// result so far, with Interrupted set and no error. An error of a trial (*scenario.TargetError when
// the server cannot be reached) comes with the measurements so far; an error of the file, the
// machine (*scenario.LimitError) or the directory comes without a result.
func Run(ctx context.Context, f *file.File, opt Options) (*result.Run, error) {
	if f.Spec.Search == nil {
		return nil, fmt.Errorf("%s has no search; add search: {raise: groups.NAME.count, from: 100}", f.Name)
	}
	if n := len(f.Cells()); n > 1 {
		return nil, fmt.Errorf("%s is a matrix of %d trials, and a search runs one combination; leave one value in each axis (--set matrix.axes.NAME=[VALUE]) and no repeat", f.Name, n)
	}
	if opt.trial == nil {
		opt.trial = scenario.Run
	}
	if opt.pause == 0 {
		opt.pause = max(pauseBetween, f.Cooldown)
	}
	if opt.Step == nil {
		opt.Step = func(Step) {}
	}
	h := &hunt{f: f, opt: opt, spec: f.Spec.Search}
	if err := h.prepare(); err != nil {
		return nil, err
	}
	defer func() { _ = h.journal.Close() }() // each line is synced already
	err := h.search(ctx)
	return h.finish(ctx), err
}

// prepare settles the plan and takes the journal up.
func (h *hunt) prepare() error {
	s := h.spec
	to, err := h.highest()
	if err != nil {
		return err
	}
	if h.plan, err = planOf(h.f); err != nil {
		return err
	}
	h.plan.Of = h.f.Fingerprint() + " " + h.opt.Run.Target
	if err := h.open(); err != nil {
		return err
	}
	// Neither identifies a search: it may continue on a machine with more memory, or with a larger
	// budget.
	h.plan.To = to
	h.plan.Budget = s.Budget
	if h.opt.Budget > 0 {
		h.plan.Budget = h.opt.Budget
	}
	for _, o := range h.history {
		h.before += o.Took
	}
	if h.plan.Budget > 0 { // the search package counts all trials
		h.plan.Budget += h.before
	}
	return h.recall()
}

// planOf is the plan of a file's search, without its budget.
func planOf(f *file.File) (search.Plan, error) {
	s := f.Spec.Search
	first, err := f.At(s.From, s.Trial)
	if err != nil {
		return search.Plan{}, err
	}
	trial := first.Spec.Plan().Duration
	return search.Plan{
		From: s.From, To: s.To, Grow: s.Grow, Precision: s.Precision, Confirm: s.Confirm, Whole: s.Whole(),
		Trial: trial, ConfirmBy: trial + s.ConfirmFor - s.Trial,
	}, nil
}

// Expect returns the cost of a file's search within its budget, as [search.Expect] does, without
// connecting and draining.
func Expect(f *file.File) (search.Expected, error) {
	s := f.Spec.Search
	plan, err := planOf(f)
	if err != nil {
		return search.Expected{}, err
	}
	plan.Budget = s.Budget
	lengths := map[float64]time.Duration{}
	took := func(level float64, kind search.Kind) time.Duration {
		if lengths[level] == 0 {
			lengths[level] = plan.Trial
			if at, err := f.At(level, s.Trial); err == nil {
				lengths[level] = at.Spec.Plan().Duration
			}
		}
		if kind == search.Confirm {
			return lengths[level] + s.ConfirmFor - s.Trial
		}
		return lengths[level]
	}
	return search.Expect(plan, shares(s), took)
}

// highest is the highest level that this machine can play.
func (h *hunt) highest() (float64, error) {
	s := h.spec
	limits := machine.ReadLimits()
	short := func(level float64) (*machine.Shortage, error) {
		at, err := h.f.At(level, s.ConfirmFor)
		if err != nil {
			return nil, err
		}
		if all := machine.Shortages(at.Cells(), limits); len(all) > 0 {
			return all[0], nil
		}
		return nil, nil
	}
	lacks, err := short(s.To)
	if err != nil || lacks == nil {
		return s.To, err
	}
	if first, err := short(s.From); err != nil || first != nil {
		if err == nil {
			err = first
		}
		return 0, err
	}
	low, high := s.From, s.To
	for range 40 {
		mid := (low + high) / 2
		if s.Whole() {
			mid = math.Floor(mid)
		}
		if mid <= low || high-low <= low/1000 {
			break
		}
		l, err := short(mid)
		if err != nil {
			return 0, err
		}
		if l == nil {
			low = mid
		} else {
			high, lacks = mid, l
		}
	}
	h.limited = lacks.Error()
	return low, nil
}

// open opens the journal for appending, and begins it where there is none.
func (h *hunt) open() error {
	path := filepath.Join(h.opt.Dir, JournalName)
	j, documents, err := journal.Open(path)
	if err != nil {
		return fmt.Errorf("open the journal of the search: %w", err)
	}
	history, err := search.Recall(documents, h.plan)
	if err == nil && len(documents) == 0 {
		err = j.Append(search.Head{Plan: h.plan})
	}
	if err != nil {
		_ = j.Close() // the error before it is the one to report
		return fmt.Errorf("%s: %w", path, err)
	}
	h.journal, h.history = j, history
	return nil
}

// recall reads the results of the trials that are in the journal.
func (h *hunt) recall() error {
	all := h.history
	h.history = nil
	for _, o := range all {
		step, err := h.announce(o.Level, o.Kind)
		if err != nil {
			return err
		}
		r, err := result.Read(filepath.Join(h.opt.Dir, filepath.FromSlash(o.Ref)))
		cell := result.Cell{}
		switch {
		case err == nil && len(r.Cells) == 1:
			cell = r.Cells[0]
			h.head(r)
		case err == nil:
			return fmt.Errorf("%s holds %d cells, and a trial of a search has one; use another directory", o.Ref, len(r.Cells))
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		h.history, h.cells = append(h.history, o), append(h.cells, cell)
		step.Again = true
		if err == nil {
			step.Cell = &h.cells[len(h.cells)-1]
		}
		if err := h.report(step, o); err != nil {
			return err
		}
	}
	return nil
}

// announce fills in the fields known before a trial.
func (h *hunt) announce(level float64, kind search.Kind) (Step, error) {
	so, err := search.SoFar(h.plan, h.history)
	return Step{
		N: len(h.history) + 1, Level: level, Text: h.spec.Format(level), Kind: kind, SoFar: so, Spent: h.spent(), Budget: h.budget(),
	}, err
}

// report reports a trial that has ended and is in the history.
func (h *hunt) report(s Step, o search.Observation) error {
	so, err := search.SoFar(h.plan, h.history)
	s.SoFar, s.Verdict, s.Spent = so, o.Verdict, h.spent()
	h.opt.Step(s)
	return err
}

// spent is the part of its budget that this run of the search has used.
func (h *hunt) spent() time.Duration { return max(0, h.took()-h.before) }

func (h *hunt) budget() time.Duration {
	if h.plan.Budget == 0 {
		return 0
	}
	return h.plan.Budget - h.before
}

// took is what all trials took.
func (h *hunt) took() (sum time.Duration) {
	for _, o := range h.history {
		sum += o.Took
	}
	return sum
}

// search makes trials until there is an answer and the curve around it, or until ctx ends.
func (h *hunt) search(ctx context.Context) error {
	for first := true; ctx.Err() == nil; first = false {
		step, err := search.Next(h.plan, h.history)
		if err != nil {
			return err
		}
		level, kind := step.Level, step.Kind
		if step.Answer != nil {
			at, more := search.NextStep(h.plan, shares(h.spec), *step.Answer, h.history)
			if !more {
				return nil
			}
			level, kind = at, search.Curve
		}
		if !first && !machine.Pause(ctx, h.opt.pause) {
			return nil
		}
		if err := h.try(ctx, level, kind); err != nil {
			return err
		}
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

// try makes one trial and puts it into the journal. An interrupted one is dropped: it says nothing
// about its level.
func (h *hunt) try(ctx context.Context, level float64, kind search.Kind) error {
	record := h.spec.Trial
	if kind == search.Confirm {
		record = h.spec.ConfirmFor
	}
	f, err := h.f.At(level, record)
	if err != nil {
		return err
	}
	step, err := h.announce(level, kind)
	if err != nil {
		return err
	}
	h.opt.Step(step)
	ref := fmt.Sprintf("%s/%02d", TrialsName, step.N)
	dir := filepath.Join(h.opt.Dir, filepath.FromSlash(ref))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep the trials of the search: %w", err)
	}
	opt := h.opt.Run
	if h.opt.Histograms {
		opt.HistogramDir = dir
	}
	began := time.Now()
	r, err := h.opt.trial(ctx, f, opt)
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
	h.label(cell, step)
	r.Verdict = cell.Verdict
	if err := r.Write(dir); err != nil {
		return err
	}
	o := search.Observation{Level: level, Kind: kind, Verdict: verdictOf(cell), Took: time.Since(began), Reason: cell.Reason, Ref: ref}
	if err := h.journal.Append(o); err != nil {
		return fmt.Errorf("write the journal of the search: %w", err)
	}
	h.head(r)
	h.history, h.cells = append(h.history, o), append(h.cells, *cell)
	step.Cell = cell
	return h.report(step, o)
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
func (h *hunt) label(c *result.Cell, s Step) {
	c.Params = map[string]string{result.ParamLevel: s.Text}
	maps.Copy(c.Params, h.f.Spec.Params)
	c.Trial = 1
	for _, o := range h.history {
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
func (h *hunt) head(r *result.Run) {
	if h.run == nil {
		head := *r
		head.Cells, head.Warnings = nil, nil
		h.run = &head
	}
}

// finish puts the result of the search together.
func (h *hunt) finish(ctx context.Context) *result.Run {
	run := h.run
	if run == nil {
		run = &result.Run{Format: result.Format, Scenario: h.f.Spec.Name, About: h.f.Spec.About, Seed: h.f.Spec.Seed, Started: time.Now(), Throng: h.opt.Run.Version, Env: result.Environment()}
		if run.Throng == "" {
			run.Throng = result.Version()
		}
	}
	run.Command = h.opt.Run.Command
	a, err := search.SoFar(h.plan, h.history)
	if err != nil { // the search itself has told
		a.End = search.Open
	}
	s := h.spec
	c := &result.Capacity{
		Raise: s.Raise, Unit: s.Unit, From: s.From, To: h.plan.To, Precision: s.Precision, Confirm: s.Confirm,
		TrialS: s.Trial.Seconds(), ConfirmS: s.ConfirmFor.Seconds(), BudgetS: h.budget().Seconds(),
		End: string(a.End), Low: a.Low, LowConfirmed: a.LowConfirmed, High: a.High, HighConfirmed: a.HighConfirmed,
		Split: a.Split, Noise: a.Noise, Invalid: a.Invalid, TookS: h.took().Seconds(), LimitedBy: h.limited, PlanFor: h.opt.PlanFor, Spare: h.opt.Spare,
		Probes: []result.Probe{},
	}
	for i, o := range h.history {
		p := result.Probe{Level: o.Level, Kind: string(o.Kind), Verdict: string(o.Verdict), Reason: o.Reason, TookS: o.Took.Seconds(), Dir: o.Ref}
		if h.cells[i].Verdict != "" {
			run.Cells = append(run.Cells, h.cells[i])
			p.Cell = len(run.Cells)
		} else {
			run.Warnings = append(run.Warnings, fmt.Sprintf("the result of trial %d is not in %s any more: its figures are missing", i+1, o.Ref))
		}
		c.Probes = append(c.Probes, p)
	}
	run.Capacity, run.Verdict = c, Verdict(a)
	if ctx.Err() != nil {
		run.Interrupted = true
		run.Warnings = append(run.Warnings, fmt.Sprintf("the search was interrupted after %d trials; run it again with the same directory and it goes on", len(h.history)))
	}
	if h.limited != "" && a.High == 0 {
		run.Warnings = append(run.Warnings, fmt.Sprintf("no level above %s was tried: %s", s.Format(h.plan.To), strings.ReplaceAll(h.limited, "the scenario needs", "a higher one needs")))
	}
	return run
}

// Verdict of a search: pass when there is a confirmed level that held, invalid when the generator
// ended it, else fail.
func Verdict(a search.Answer) result.Verdict {
	switch {
	case a.End == search.Generator:
		return result.Invalid
	case a.Low > 0 && a.LowConfirmed:
		return result.Pass
	}
	return result.Fail
}
