package scenario

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/command"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

// LimitError means that this machine cannot run the scenario.
type LimitError = machine.Shortage

// CommandError says that a scenario executes commands of its author's on this machine, and that the
// caller has not allowed that (Options.AllowRun).
type CommandError struct {
	Commands []string // see file.Spec.Commands
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("the scenario executes commands on this machine: %s; read them, and add --allow-run if you trust the file", strings.Join(e.Commands, "; "))
}

// Run executes every trial of a file in order, one after another, and returns their measurements.
// The error is a *LimitError or a *CommandError before anything starts, a *TargetError when a
// server cannot be reached, the error of Options.Start, or an error of writing the histogram logs.
//
// When ctx ends, the trial in progress is cut short and counts as invalid, with its measurements so
// far; later trials are skipped, and Run returns within two seconds with Interrupted set and no
// error. After an error the trials before it are returned with it, with Interrupted set, too.
//
// While it runs, Run raises GOMAXPROCS by one for the thread that paces and by one for each that
// reads for the clients, and the soft limit of file descriptors to the hard one, and sets GOGC=50
// unless the environment variable GOGC is set. Only one Run at a time makes sense in a process:
// they would measure each other.
//
// No secret of the file (file.Secrets) appears in the result, the error or the arguments of the
// functions in Options.
func Run(ctx context.Context, f *file.File, opt Options) (*result.Run, error) {
	run, err := runCells(ctx, f, opt)
	if err != nil && f.Spec.Secrets != nil {
		err = &maskedError{err, f.Spec.Secrets.Mask(err.Error())}
	}
	return run, err
}

// A maskedError has no secret in its text.
type maskedError struct {
	error
	text string
}

func (e *maskedError) Error() string { return e.text }

func (e *maskedError) Unwrap() error { return e.error }

func runCells(ctx context.Context, f *file.File, opt Options) (*result.Run, error) {
	opt.complete()
	defer limitGarbage()()
	cells := f.Cells()
	machine.RaiseFiles()
	err := possible(cells, opt)
	if err != nil {
		return nil, err
	}
	if err := CheckCertificates(f); err != nil {
		return nil, err
	}
	if opt.tables, err = f.Data(); err != nil {
		return nil, err
	}
	if opt.logs, err = f.Logs(); err != nil {
		return nil, err
	}
	if opt.execute == nil {
		commands := &command.Set{}
		defer commands.Close()
		opt.execute = commands.Run
	}
	for _, c := range cells {
		if lines := c.Spec.Commands(); len(lines) > 0 && !opt.AllowRun {
			return nil, &CommandError{Commands: lines}
		}
		for _, p := range c.Spec.Phases {
			if p.Fault != nil && p.Fault.Restart && opt.Target != "" {
				return nil, fmt.Errorf("the phase %s restarts the built-in server and cannot restart %s; leave the target out, or use fault: {drop: 100%%}", p.Name, opt.Target)
			}
		}
	}
	run := newRun(f, opt)
	planned := plannedTrials(cells)
	left := cells
	if opt.Earlier != nil {
		left = resume(run, opt.Earlier, cells)
	}
	opt.journal = &runJournal{opt: &opt, run: run, planned: planned}
	defer opt.journal.close()
	err = runTrials(ctx, run, f, left, len(run.Cells)+len(left), opt)
	if err == nil {
		err = repeatInvalid(ctx, run, f, cells, opt)
	}
	run.Settle(planned)
	if err != nil || ctx.Err() != nil {
		interrupted(run, f, planned, err)
	}
	return run, err
}

// interrupted notes in a run that has ended too early what it lacks, and why: nil, its caller has
// ended it.
func interrupted(run *result.Run, f *file.File, planned []result.PlannedTrial, why error) {
	cut := slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return c.Interrupted })
	missing := len(run.Missing(planned))
	if !cut && missing == 0 && len(unrepeated(run, planned)) == 0 {
		return
	}
	run.Interrupted, run.Verdict = true, result.Invalid
	text := fmt.Sprintf("interrupted: %d of %d trials ran", len(planned)-missing, len(planned))
	switch {
	case missing == 0 && !cut:
		text += ", and not all invalid ones again"
	case cut:
		text = fmt.Sprintf("interrupted: %d of %d trials ran, the last one cut short", min(len(planned)-missing+1, len(planned)), len(planned))
	}
	if why != nil {
		text += ": " + result.Short(f.Spec.Secrets.Mask(why.Error()), result.MaxText)
	}
	run.Warnings = append(run.Warnings, text)
}

// possible says why trials cannot be run here.
func possible(cells []file.Cell, opt Options) error {
	if err := networkPossible(cells, opt.Fleet != nil); err != nil {
		return err
	}
	limits := machine.ReadLimits()
	if opt.Fleet != nil {
		for i := range cells {
			if err := notOnFleets(cells[i].Spec); err != nil {
				return err
			}
		}
		if !opt.Here {
			return nil // each agent looks at its own machine
		}
		limits = limits.Of(len(opt.Fleet.Agents()))
	}
	if short := machine.Shortages(cells, limits); len(short) > 0 {
		return short[0]
	}
	return nil
}

// newRun is a result without trials.
func newRun(f *file.File, opt Options) *result.Run {
	run := &result.Run{
		Format: result.Format, Scenario: f.Spec.Name, About: f.Spec.About, Verdict: result.Pass, Seed: f.Spec.Seed, Quick: f.Spec.Quick,
		Started: time.Now(), Throng: cmp.Or(opt.Version, result.Version()), Env: result.Environment(), Command: opt.Command,
	}
	if len(f.LeftOut) > 0 {
		run.Warnings = append(run.Warnings, "left out, as the target is not the built-in server: "+strings.Join(f.LeftOut, "; "))
	}
	return run
}

// runTrials runs cells one after another until ctx ends. n of them belong in the result.
func runTrials(ctx context.Context, run *result.Run, f *file.File, cells []file.Cell, n int, opt Options) error {
	for i, c := range cells {
		at := len(run.Cells)
		if at > 0 && !machine.Pause(ctx, f.Cooldown) {
			return nil
		}
		cell, err := runCell(ctx, f, &c, opt, place{at, n, planned(cells[i+1:], f.Cooldown)})
		if cell != nil {
			cell.Clean() // again: what ended after it may have added warnings
			run.Cells = append(run.Cells, *cell)
			opt.journal.add(&run.Cells[at])
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// heapRoom is the heap growth between collections, in percent of the live heap. Messages create no
// garbage, so collections stay rare; and the process reaches its final size in the first minute
// rather than the tenth, so that later growth shows a leak.
const heapRoom = 50

// limitGarbage applies heapRoom and returns a function that restores the previous value.
func limitGarbage() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := debug.SetGCPercent(heapRoom)
	return func() { debug.SetGCPercent(was) }
}

// A place is the position of a trial among all trials.
type place struct {
	i, n  int
	after time.Duration // what the trials after it take as planned
}

// planned is how long trials take, each after its cooldown.
func planned(cells []file.Cell, cooldown time.Duration) (sum time.Duration) {
	for _, c := range cells {
		sum += cooldown
		for _, p := range c.Spec.Phases {
			sum += p.For
		}
	}
	return sum
}

// stopGrace is how long a server may take to stop.
const stopGrace = 20 * time.Second

// runCell runs one trial against a server of its own, or against the target.
func runCell(ctx context.Context, f *file.File, c *file.Cell, opt Options, at place) (cell *result.Cell, err error) {
	loaded := func() {}
	if opt.Trial != nil {
		loaded = sync.OnceFunc(opt.Trial(c))
	}
	defer loaded()
	ep, builtIn, err := endpoint(ctx, c.Spec, opt)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil // interrupted while the server started: nothing was measured
		}
		return nil, err
	}
	if ep.Stop != nil {
		defer func() {
			sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace(ctx))
			defer cancel()
			if serr := ep.Stop(sctx); serr != nil && cell != nil {
				cell.Warnings = append(cell.Warnings, fmt.Sprintf("the server did not stop cleanly: %v", serr))
			}
		}()
	}
	conf, err := tlsConfig(c.Spec, builtIn)
	if err != nil {
		return nil, err
	}
	if opt.Fleet != nil {
		if opt.role, err = controllerOf(c.Spec, opt.Fleet.Agents()); err != nil {
			return nil, err
		}
	}
	t := newTrial(c, ep, conf, opt, at)
	t.server.builtIn, t.life.loaded = builtIn, loaded
	defer t.udp.Close()
	defer t.http.close()
	if err := t.probe(ctx); err != nil { // of a fleet, each agent does
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, t.unreachable(err)
	}
	defer t.links.close()
	if err := t.startLinks(); err != nil {
		return nil, err
	}
	if opt.Fleet != nil {
		return t.coordinate(ctx, f)
	}
	opt.journal.begin()
	if t.tracer, err = newTracer(t); err != nil {
		return nil, err
	}
	cell, err = t.run(ctx)
	if t.tracer != nil {
		if terr := t.tracer.close(); terr != nil && cell != nil {
			cell.Warnings = append(cell.Warnings, fmt.Sprintf("the trace is incomplete: %v", terr))
		}
	}
	return cell, err
}

// grace is how long to wait for a server's end: less when the user waits for ours.
func grace(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return 500 * time.Millisecond
	}
	return stopGrace
}
