package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

func plannedTrials(cells []file.Cell) []result.PlannedTrial {
	out := make([]result.PlannedTrial, len(cells))
	for i, c := range cells {
		out[i] = result.PlannedTrial{Params: c.Spec.Params, Trial: c.Trial}
		if out[i].Params == nil {
			out[i].Params = map[string]string{}
		}
	}
	return out
}

// resume takes over what an earlier part of a run has measured, and returns the trials that are
// left: those that never ended, and those that were invalid, which stay in the result beside their
// repeats. A trial that was cut short is dropped: it is made again. Where there is nothing else,
// the run begins anew.
func resume(run, earlier *result.Run, cells []file.Cell) (left []file.Cell) {
	run.Cells = slices.DeleteFunc(slices.Clone(earlier.Cells), func(c result.Cell) bool { return c.Interrupted })
	run.Command = earlier.Command
	if len(run.Cells) == 0 {
		return cells
	}
	planned := plannedTrials(cells)
	for i := range planned {
		if last := planned[i].Last(run.Cells); last == nil || last.Verdict == result.Invalid {
			left = append(left, cells[i])
		}
	}
	kept := len(cells) - len(left)
	text := fmt.Sprintf("resumed: %d of %d trials are of an earlier part of the run, begun %s", kept, len(cells), earlier.Started.UTC().Format("2006-01-02 15:04 UTC"))
	if changed := changes(earlier.Env, run.Env); kept > 0 && changed != "" {
		text += "; what has changed since: " + changed
	}
	run.Warnings = append(slices.DeleteFunc(slices.Clone(earlier.Warnings), func(w string) bool {
		return strings.HasPrefix(w, "interrupted: ") || strings.HasPrefix(w, "resumed: ")
	}), text)
	run.Started, run.Env, run.Throng = earlier.Started, earlier.Env, earlier.Throng
	run.Resumed = append(slices.Clone(earlier.Resumed), time.Now())
	return left
}

// changes names what differs between two environments.
func changes(was, is map[string]string) string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if was[key] != is[key] {
			names = append(names, fmt.Sprintf("%s (%s, was %s)", key, is[key], was[key]))
		}
	}
	return strings.Join(names, ", ")
}

// A runJournal keeps the trials of a run as they end. That it cannot be written ends no run: it
// costs something only when something else goes wrong as well. It is nil where no run is under way.
type runJournal struct {
	opt     *Options
	run     *result.Run
	planned []result.PlannedTrial
	begun   bool
	file    *result.Journal // nil before, and after an error
}

// begin begins the journal before the first trial.
func (j *runJournal) begin() {
	if j == nil || j.begun {
		return
	}
	j.begun = true
	if j.opt.Begin != nil {
		j.opt.Begin()
	}
	if j.opt.JournalDir == "" {
		return
	}
	err := RemoveNote(j.opt.JournalDir) // of another run, or of a trial that is made again
	if err == nil {
		j.file, err = result.BeginJournal(j.opt.JournalDir, j.run, j.planned)
	}
	if err != nil {
		j.failed(err)
	}
}

func (j *runJournal) add(c *result.Cell) {
	if j == nil || j.file == nil || c.Interrupted {
		return
	}
	err := j.file.Add(c)
	if err == nil {
		err = RemoveNote(j.opt.JournalDir) // of the trial's agents: all of it is here
	}
	if err != nil {
		j.failed(err)
	}
}

func (j *runJournal) failed(err error) {
	j.close()
	j.warn("the last trials were not written to the journal, so --resume could not have kept them: %v", err)
}

// warn warns of what may be lost when this process is killed.
func (j *runJournal) warn(format string, args ...any) {
	if j != nil {
		j.run.Warnings = append(j.run.Warnings, fmt.Sprintf(format, args...))
	}
}

func (j *runJournal) close() {
	if j.file != nil {
		_ = j.file.Close() // all of it is on the disk
		j.file = nil
	}
}
