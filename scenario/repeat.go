package scenario

import (
	"context"
	"fmt"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// repeatInvalid runs those trials once more that were invalid, if others of the run were not: a
// machine that was disturbed for a moment is no reason to throw the others away. Both stay in the
// result; the repeated one counts no more. When most trials are invalid the machine is not fit, and
// repeating them would only take time.
func repeatInvalid(ctx context.Context, run *result.Run, f *file.File, cells []file.Cell, opt Options) error {
	var again []file.Cell
	for _, i := range unrepeated(run, plannedTrials(cells)) {
		again = append(again, cells[i])
	}
	if ctx.Err() != nil || len(again) == 0 {
		return nil
	}
	before := len(run.Cells)
	if err := runTrials(ctx, run, f, again, before+len(again), opt); err != nil || len(run.Cells) < before+len(again) {
		return err // that the run was interrupted says more
	}
	valid := 0
	for _, c := range run.Cells[before:] {
		if c.Verdict != result.Invalid {
			valid++
		}
	}
	run.Warnings = append(run.Warnings, fmt.Sprintf("invalid trials, each repeated once: %d of %d; repeats that are valid and count in their place: %d", len(again), len(cells), valid))
	return nil
}

// unrepeated are the places of the trials that are to be repeated, where none is missing.
func unrepeated(run *result.Run, planned []result.PlannedTrial) (again []int) {
	if len(run.Missing(planned)) > 0 {
		return nil
	}
	for i := range planned {
		if planned[i].Last(run.Cells).Verdict == result.Invalid && !repeated(&planned[i], run.Cells) {
			again = append(again, i)
		}
	}
	if 2*len(again) > len(planned) {
		return nil
	}
	return again
}

// repeated reports whether a trial was made more than once.
func repeated(p *result.PlannedTrial, cells []result.Cell) bool {
	n := 0
	for i := range cells {
		if p.Is(&cells[i]) {
			n++
		}
	}
	return n > 1
}
