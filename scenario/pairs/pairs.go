// Package pairs runs a scenario on two targets in turn, so that the difference between them can be
// told from what changes in the machine.
//
// The trials come in pairs: one of either side, directly one after the other. Which side is first
// alternates within each two pairs, in an order that the seed decides; what drifts slowly is the
// same in both trials of a pair, and what favours the first or the second trial favours both sides
// equally often. When to stop is the caller's question (Options.Enough). It must not depend on
// which side looks better: looking until one does would find a difference between equal sides.
package pairs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

const (
	// MaxPairs is how many pairs are run at most.
	MaxPairs = 500
	// tries is how often a trial is made until it is valid, before its pair is given up.
	tries = 2
	// unfit is how many invalid trials there must be, and at least as many as valid ones, before
	// the machine is taken to be unfit.
	unfit = 6
)

// A Side is one of the two targets.
type Side struct {
	// Text says what it is, for the result: a URL or a command.
	Text string
	// File is the scenario for this target, of a single trial.
	File *file.File
	// Serve and Start start the target of each trial; see scenario.Options. nil as there.
	Serve func(ctx context.Context) (*scenario.Endpoint, error)
	Start func(ctx context.Context, s *file.Server) (*scenario.Endpoint, error)
}

// Options say how to run pairs. The zero value runs MaxPairs.
type Options struct {
	// Dir is an existing directory in which each trial is kept when it ends, in a journal; "" =
	// none.
	Dir string
	// Run is how each trial is run. Its Serve, Start and JournalDir are set here.
	Run scenario.Options
	// Budget is the time after which no pair is begun that would not end within it; the first pair
	// always is. 0 = no limit.
	Budget time.Duration
	// Enough is asked after each valid pair whether the pairs so far will do; nil = never. The run
	// is the caller's to read until it returns.
	Enough func(run *result.Run) bool
	// Step is called when a trial begins and when it has ended. It must not block. May be nil.
	Step func(Step)

	// trial runs one trial; tests put models here. nil = scenario.Run.
	trial func(ctx context.Context, f *file.File, opt scenario.Options) (*result.Run, error)
}

// Step is a trial.
type Step struct {
	Pair   int          // from 1
	Side   string       // result.BuildBase or result.BuildHead
	Cell   *result.Cell // nil: it begins now
	Again  bool         // it is a repeat, as the one before was invalid
	Spent  time.Duration
	Budget time.Duration // 0: no limit
}

// Run runs pairs until they are enough, the budget is spent or MaxPairs are made, and returns all
// trials as one run whose axis is the side. An invalid trial is repeated once at once; when that is
// invalid too, its pair is given up. When ctx ends, the result so far is returned with Interrupted
// set and no error. An error of a trial comes with the measurements so far, with Interrupted set,
// too; its cause is as of scenario.Run.
func Run(ctx context.Context, base, head Side, opt Options) (*result.Run, error) {
	for _, s := range []Side{base, head} {
		if n := len(s.File.Cells()); n != 1 {
			return nil, fmt.Errorf("%s is a matrix of %d trials, and pairs are made of one combination; leave one value in each axis (--set matrix.axes.NAME=[VALUE])", s.File.Name, n)
		}
	}
	if opt.trial == nil {
		opt.trial = scenario.Run
	}
	if opt.Step == nil {
		opt.Step = func(Step) {}
	}
	c := &course{sides: map[string]Side{result.BuildBase: base, result.BuildHead: head}, opt: opt, began: time.Now(), seed: base.File.Spec.Seed}
	defer c.close()
	err := c.course(ctx)
	if c.run == nil {
		if err == nil {
			err = errors.New("interrupted before the first trial had ended")
		}
		return nil, err
	}
	c.run.Settle(c.planned)
	if ctx.Err() != nil || err != nil {
		c.run.Interrupted, c.run.Verdict = true, result.Invalid
		text := "interrupted: the comparison had not ended"
		if err != nil {
			text += ": " + result.Short(err.Error(), result.MaxText)
		}
		c.run.Warnings = append(c.run.Warnings, text)
	}
	return c.run, err
}

// A course is a run of pairs under way.
type course struct {
	sides   map[string]Side
	opt     Options
	began   time.Time
	seed    uint64
	run     *result.Run // nil before the first trial has ended
	planned []result.PlannedTrial
	journal *result.Journal
	invalid int
}

func (c *course) course(ctx context.Context) error {
	first := c.sides[result.BuildBase].File
	for n := 1; n <= MaxPairs && ctx.Err() == nil; n++ {
		valid, err := c.pair(ctx, n)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if c.unfit() {
			c.run.Warnings = append(c.run.Warnings, fmt.Sprintf("stopped: %d of %d trials were invalid, so this machine is not fit for the scenario", c.invalid, len(c.run.Cells)))
			return nil
		}
		if valid && c.opt.Enough != nil && c.opt.Enough(c.run) {
			return nil
		}
		if spent := time.Since(c.began); c.opt.Budget > 0 && spent+spent/time.Duration(n) > c.opt.Budget {
			return nil
		}
		if !machine.Pause(ctx, first.Cooldown) {
			return nil
		}
	}
	return nil
}

// unfit reports whether at least half of the trials are invalid, and not just the first few.
func (c *course) unfit() bool { return c.invalid >= unfit && 2*c.invalid >= len(c.run.Cells) }

// order is the order of the sides within pair n: of each two pairs, one has either.
func order(seed uint64, n int) [2]string {
	const forPairs = 0x7061697273 // "pairs"
	swap := rand.New(rand.NewPCG(seed, forPairs+uint64((n-1)/2))).IntN(2) == 1
	if (n%2 == 0) != swap {
		return [2]string{result.BuildHead, result.BuildBase}
	}
	return [2]string{result.BuildBase, result.BuildHead}
}

// pair makes pair n and reports whether both of its trials are valid.
func (c *course) pair(ctx context.Context, n int) (valid bool, err error) {
	for i, side := range order(c.seed, n) {
		if i > 0 && !machine.Pause(ctx, c.sides[side].File.Cooldown) {
			return false, nil
		}
		for try := range tries {
			valid, err = c.trial(ctx, n, side, try > 0)
			if valid || err != nil || ctx.Err() != nil {
				break
			}
		}
		if !valid {
			return false, err
		}
	}
	return true, nil
}

// trial makes one trial, keeps it and reports whether it is valid.
func (c *course) trial(ctx context.Context, n int, name string, again bool) (bool, error) {
	side := c.sides[name]
	step := Step{Pair: n, Side: name, Again: again, Spent: time.Since(c.began), Budget: c.opt.Budget}
	c.opt.Step(step)
	opt := c.opt.Run
	opt.Serve, opt.Start, opt.JournalDir = side.Serve, side.Start, ""
	r, err := c.opt.trial(ctx, side.File, opt)
	if err != nil {
		return false, err
	}
	if len(r.Cells) == 0 { // interrupted before it began
		return false, nil
	}
	if c.run == nil {
		if err := c.begin(r); err != nil {
			return false, err
		}
	}
	cell := &r.Cells[0]
	if cell.Settings == nil {
		cell.Settings = map[string]string{}
	}
	cell.Params, cell.ParamNames, cell.Trial, cell.Settings[result.SettingBuild] = map[string]string{result.AxisBuild: name}, nil, n, side.Text
	if !again {
		c.planned = append(c.planned, result.PlannedTrial{Params: cell.Params, Trial: n})
	}
	c.run.Cells = append(c.run.Cells, *cell)
	kept := &c.run.Cells[len(c.run.Cells)-1]
	valid := kept.Verdict == result.Pass || kept.Verdict == result.Fail
	if !valid && !kept.Interrupted {
		c.invalid++
	}
	if c.journal != nil && !kept.Interrupted {
		if err := c.journal.Add(kept); err != nil {
			return false, err
		}
	}
	step.Cell, step.Spent = kept, time.Since(c.began)
	c.opt.Step(step)
	return valid, nil
}

// begin takes the head of the result from its first trial, and begins the journal.
func (c *course) begin(first *result.Run) (err error) {
	run := *first
	run.Cells, run.Interrupted = nil, false
	c.run = &run
	if c.opt.Dir != "" {
		c.journal, err = result.BeginJournal(c.opt.Dir, c.run, nil)
	}
	return err
}

func (c *course) close() {
	if c.journal != nil {
		_ = c.journal.Close() // all of it is on the disk
	}
}
