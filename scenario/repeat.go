package scenario

import (
	"context"
	"fmt"
	"slices"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// repeatInvalid runs those trials once more that were invalid, if others of the run were not: a
// machine that was disturbed for a moment is no reason to throw the others away. Both stay in the
// result; the repeated one counts no more. When most trials are invalid the machine is not fit, and
// repeating them would only take time.
func repeatInvalid(ctx context.Context, run *result.Run, f *file.File, cells []file.Cell, opt Options) error {
	if ctx.Err() != nil || len(run.Cells) != len(cells) {
		return nil
	}
	var again []int
	for i := range run.Cells {
		if run.Cells[i].Verdict == result.Invalid {
			again = append(again, i)
		}
	}
	if len(again) == 0 || 2*len(again) > len(cells) {
		return nil
	}
	var list []file.Cell
	for _, i := range again {
		list = append(list, cells[i])
	}
	err := runTrials(ctx, run, f, list, len(cells)+len(list), opt)
	valid := 0
	for k, at := range again {
		if k += len(cells); k < len(run.Cells) && !run.Cells[k].Interrupted {
			run.Cells[at].Repeated = true
			if run.Cells[k].Verdict != result.Invalid {
				valid++
			}
		}
	}
	run.Warnings = append(run.Warnings, fmt.Sprintf("%d of %d trials were invalid and were repeated once: %d of the repeats are valid and stand for them", len(again), len(cells), valid))
	return err
}

// verdictOf is the worst verdict of the cells that count; invalid without any.
func verdictOf(cells []result.Cell) result.Verdict {
	cells = slices.DeleteFunc(slices.Clone(cells), func(c result.Cell) bool { return c.Repeated })
	if len(cells) == 0 {
		return result.Invalid
	}
	v := result.Pass
	for i := range cells {
		v = result.Worst(v, cells[i].Verdict)
	}
	return v
}
