package capacity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
)

// finish puts the result of the search together. why is the error that ended it; nil: none.
func (sr *searchRun) finish(ctx context.Context, why error) *result.Run {
	run := sr.run
	if run == nil {
		run = &result.Run{Format: result.Format, Scenario: sr.f.Spec.Name, About: sr.f.Spec.About, Seed: sr.f.Spec.Seed, Started: time.Now(), Throng: sr.opt.Run.Version, Env: result.Environment()}
		if run.Throng == "" {
			run.Throng = result.Version()
		}
	}
	run.Command = sr.opt.Run.Command
	a, err := search.SoFar(sr.plan, sr.history)
	if err != nil { // the search itself has told
		a.End = search.Open
	}
	s := sr.spec
	c := &result.Capacity{
		Raise: s.Raise, Unit: s.Unit, From: s.From, To: sr.plan.To, Precision: s.Precision, Confirm: s.Confirm,
		TrialS: s.Trial.Seconds(), ConfirmS: s.ConfirmFor.Seconds(), BudgetS: sr.budget().Seconds(),
		End: string(a.End), Low: a.Low, LowConfirmed: a.LowConfirmed, High: a.High, HighConfirmed: a.HighConfirmed,
		Split: a.Split, Noise: a.Noise, Invalid: a.Invalid, TookS: sr.took().Seconds(), LimitedBy: sr.limited, PlanFor: sr.opt.PlanFor, Spare: sr.opt.Spare,
		Probes: []result.Probe{},
	}
	for i, o := range sr.history {
		p := result.Probe{Level: o.Level, Kind: string(o.Kind), Verdict: string(o.Verdict), Reason: o.Reason, TookS: o.Took.Seconds(), Dir: o.Ref}
		if sr.cells[i].Verdict != "" {
			run.Cells = append(run.Cells, sr.cells[i])
			p.Cell = len(run.Cells)
		} else {
			run.Warnings = append(run.Warnings, fmt.Sprintf("the result of trial %d is not in %s any more: its figures are missing", i+1, o.Ref))
		}
		c.Probes = append(c.Probes, p)
	}
	run.Capacity, run.Verdict = c, Verdict(a)
	if ctx.Err() != nil || why != nil && len(sr.history) > 0 {
		run.Interrupted = true
		text := fmt.Sprintf("the search was interrupted after %d trials; run it again with the same directory and it goes on", len(sr.history))
		if why != nil {
			text += ": " + result.Short(why.Error(), result.MaxText)
		}
		run.Warnings = append(run.Warnings, text)
	}
	if sr.limited != "" && a.High == 0 {
		run.Warnings = append(run.Warnings, fmt.Sprintf("no level above %s was tried: %s", s.Format(sr.plan.To), strings.ReplaceAll(sr.limited, "the scenario needs", "a higher one needs")))
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
