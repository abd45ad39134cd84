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
	"fmt"
	"math"
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

// pauseOf is how long a search pauses between two trials of a file.
func pauseOf(f *file.File) time.Duration { return max(pauseBetween, f.Cooldown) }

// A searchRun is a search under way. One goroutine at a time.
type searchRun struct {
	f       *file.File
	opt     Options
	spec    *file.Search
	plan    search.Plan
	history []search.Observation
	cells   []result.Cell // by place in the history; Verdict "" where the result is lost
	before  time.Duration // time of the trials that were in the journal
	limited string
	refused float64 // the lowest level that an agent cannot play; 0: none is known
	journal *journal.File
	run     *result.Run
}

// Run searches and returns its result with every trial as a cell. When ctx ends it returns the
// result so far, with Interrupted set and no error. An error of a trial (*scenario.TargetError when
// the server cannot be reached) comes with the measurements so far, with Interrupted set if there
// are any; an error of the file, the machine (*scenario.LimitError) or the directory comes without
// a result.
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
		opt.pause = pauseOf(f)
	}
	if opt.Step == nil {
		opt.Step = func(Step) {}
	}
	sr := &searchRun{f: f, opt: opt, spec: f.Spec.Search}
	if err := sr.prepare(); err != nil {
		return nil, err
	}
	defer func() { _ = sr.journal.Close() }() // each line is synced already
	err := sr.search(ctx)
	return sr.finish(ctx, err), err
}

// prepare settles the plan and takes the journal up.
func (sr *searchRun) prepare() error {
	s := sr.spec
	to, err := sr.highest()
	if err != nil {
		return err
	}
	if sr.plan, err = planOf(sr.f); err != nil {
		return err
	}
	sr.plan.Of = sr.f.Fingerprint() + " " + sr.opt.Run.Target
	if err := sr.open(); err != nil {
		return err
	}
	// Neither identifies a search: it may continue on a machine with more memory, or with a larger
	// budget.
	sr.plan.To = to
	sr.plan.Budget = s.Budget
	if sr.opt.Budget > 0 {
		sr.plan.Budget = sr.opt.Budget
	}
	for _, o := range sr.history {
		sr.before += o.Took
	}
	if sr.plan.Budget > 0 { // the search package counts all trials
		sr.plan.Budget += sr.before
	}
	return sr.recall()
}

// planOf is the plan of a file's search, without its budget. The pauses are a part of its trials.
func planOf(f *file.File) (search.Plan, error) {
	s := f.Spec.Search
	first, err := f.At(s.From, s.Trial)
	if err != nil {
		return search.Plan{}, err
	}
	trial := first.Spec.Plan().Duration + pauseOf(f)
	return search.Plan{
		From: s.From, To: s.To, Grow: s.Grow, Precision: s.Precision, Confirm: s.Confirm, Whole: s.Whole(),
		Trial: trial, ConfirmBy: trial + s.ConfirmFor - s.Trial,
	}, nil
}

// Expect returns the cost of a file's search without its budget, as [search.Expect] does, with the
// pauses between trials, without connecting and draining.
func Expect(f *file.File) (search.Expected, error) {
	s := f.Spec.Search
	plan, err := planOf(f)
	if err != nil {
		return search.Expected{}, err
	}
	lengths := map[float64]time.Duration{}
	took := func(level float64, kind search.Kind) time.Duration {
		if lengths[level] == 0 {
			lengths[level] = plan.Trial
			if at, err := f.At(level, s.Trial); err == nil {
				lengths[level] = at.Spec.Plan().Duration + pauseOf(f)
			}
		}
		if kind == search.Confirm {
			return lengths[level] + s.ConfirmFor - s.Trial
		}
		return lengths[level]
	}
	return search.Expect(plan, shares(s), took)
}

// highest is the highest level that this machine can play. Agents elsewhere look at their own
// machines when they are told of a level: see lower.
func (sr *searchRun) highest() (float64, error) {
	s := sr.spec
	limits := machine.ReadLimits()
	if agents := sr.opt.Run.Fleet; agents != nil {
		if !sr.opt.Run.Here {
			return s.To, nil
		}
		limits = limits.Of(len(agents.Agents()))
	}
	short := func(level float64) (*machine.Shortage, error) {
		at, err := sr.f.At(level, s.ConfirmFor)
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
	sr.limited = lacks.Error()
	return low, nil
}

// lower takes in that an agent has refused a level. It reports whether others are left to try: what
// has been played is not refused.
func (sr *searchRun) lower(refused float64, why error) bool {
	if played := sr.played(); played == 0 || refused <= played {
		return false
	}
	sr.refused, sr.limited = refused, why.Error()
	sr.bound()
	return true
}

// bound makes the highest level one in the middle between those that agents have played and the
// lowest that one has refused, until they are close.
func (sr *searchRun) bound() {
	if sr.refused == 0 {
		return
	}
	played := sr.played()
	to := (played + sr.refused) / 2
	if sr.spec.Whole() {
		to = math.Floor(to)
	}
	if sr.refused-played <= played*sr.spec.Precision || to <= played {
		to = played
	}
	sr.plan.To = to
}

// played is the highest level so far; 0: there was none.
func (sr *searchRun) played() (level float64) {
	for _, o := range sr.history {
		level = max(level, o.Level)
	}
	return level
}
