package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/journal"
	"github.com/throng-io/throng/scenario/regular"
)

// JournalName is the name of a run's journal inside its directory. It holds the finished trials
// while there is no result.json, and of an interrupted run. A search keeps its journal under the
// same name.
const JournalName = "journal.jsonl"

// A Journal keeps the trials of a run as they end, so that whatever ends the program loses the
// trial under way and nothing else. One goroutine at a time.
type Journal struct{ file *journal.File }

// A PlannedTrial is one trial that a run is going to make.
type PlannedTrial struct {
	Params map[string]string `json:"params"`
	Trial  int               `json:"trial"`
}

// journalHead is the first line of a journal, journalCell each one after it.
type (
	journalHead struct {
		Run     *Run           `json:"run"` // without its cells
		Planned []PlannedTrial `json:"planned"`
	}
	journalCell struct {
		Cell *Cell `json:"cell"`
	}
)

// BeginJournal begins the journal of a run in dir with what there is of it: nothing but its head,
// or the cells of an earlier part that it goes on with. It takes the place of an older journal and
// of a result.json, which would be of another run, or of less of this one.
func BeginJournal(dir string, run *Run, planned []PlannedTrial) (*Journal, error) {
	head := *run
	head.Format, head.Cells = Format, []Cell{}
	documents := []any{journalHead{&head, planned}}
	for i := range run.Cells {
		documents = append(documents, journalCell{&run.Cells[i]})
	}
	file, err := journal.Begin(filepath.Join(dir, JournalName), documents...)
	if err != nil {
		return nil, fmt.Errorf("begin the journal of the run: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, FileName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = file.Close() // the error before it is the one to report
		return nil, fmt.Errorf("begin the journal of the run: %w", err)
	}
	return &Journal{file}, nil
}

// Add keeps a trial that has ended; it is on the disk when Add returns. Numbers that JSON cannot
// hold are set to 0, with a warning in the cell.
func (j *Journal) Add(c *Cell) error {
	c.Warnings = append(c.Warnings, makeFinite(reflect.ValueOf(c), "")...)
	c.Clean()
	if err := j.file.Append(journalCell{c}); err != nil {
		return fmt.Errorf("write the journal of the run: %w", err)
	}
	return nil
}

// Close closes the journal, which stays where it is.
func (j *Journal) Close() error { return j.file.Close() }

// RemoveJournal removes the journal of a run whose result.json has everything.
func RemoveJournal(dir string) error {
	if err := os.Remove(filepath.Join(dir, JournalName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the journal of the run: %w", err)
	}
	return nil
}

// ErrOfSearch says that a journal is of a search, which 'throng capacity' makes and goes on with.
var ErrOfSearch = errors.New("the journal there belongs to a search")

// ReadJournal returns what the journal in dir has of a run, which may be under way, and the trials
// that were planned. The run has no verdict yet: see Finish. The error is fs.ErrNotExist where
// there is no journal, and ErrOfSearch where it is no run's.
func ReadJournal(dir string) (*Run, []PlannedTrial, error) {
	return readJournal(os.DirFS(dir), ".", filepath.Join(dir, JournalName))
}

// readJournal is ReadJournal within a file system; shown is the journal's name in errors.
func readJournal(fsys fs.FS, dir, shown string) (*Run, []PlannedTrial, error) {
	text, err := regular.ReadFS(fsys, path.Join(dir, JournalName), journal.MaxSize)
	if err != nil {
		return nil, nil, err
	}
	lines, _, err := journal.Parse(shown, text)
	if err != nil {
		return nil, nil, err
	}
	if len(lines) == 0 {
		return nil, nil, fmt.Errorf("%s: it is empty (%w)", shown, fs.ErrNotExist)
	}
	var head struct {
		Run     json.RawMessage `json:"run"`
		Planned []PlannedTrial  `json:"planned"`
		Plan    json.RawMessage `json:"plan"`
	}
	switch err := json.Unmarshal(lines[0], &head); {
	case err == nil && head.Plan != nil:
		return nil, nil, ErrOfSearch
	case err != nil || head.Run == nil:
		return nil, nil, fmt.Errorf("%s:1: it does not begin like the journal of a run", shown)
	case len(head.Planned) > maxCells:
		return nil, nil, fmt.Errorf("%s:1: it plans %d trials, and at most %d are taken", shown, len(head.Planned), maxCells)
	}
	run, err := Parse(shown+":1", head.Run)
	if err != nil {
		return nil, nil, err
	}
	for i, line := range lines[1:] {
		var c struct {
			Cell json.RawMessage `json:"cell"`
		}
		if err := json.Unmarshal(line, &c); err != nil || c.Cell == nil {
			return nil, nil, fmt.Errorf("%s:%d: it is not a trial of a run", shown, i+2)
		}
		one, err := Parse(fmt.Sprintf("%s:%d", shown, i+2), fmt.Appendf(nil, `{"format":%d,"cells":[%s]}`, run.Format, c.Cell))
		if err != nil {
			return nil, nil, err
		}
		run.Cells = append(run.Cells, one.Cells...)
	}
	if len(run.Cells) > maxCells {
		return nil, nil, fmt.Errorf("%s has %d trials, and at most %d are taken", shown, len(run.Cells), maxCells)
	}
	return run, head.Planned, nil
}

// Is reports whether a cell is of a planned trial.
func (p *PlannedTrial) Is(c *Cell) bool { return c.Trial == p.Trial && maps.Equal(c.Params, p.Params) }

// Last returns the last cell of a trial that was not cut short, which counts instead of those
// before it; nil: there is none.
func (p *PlannedTrial) Last(cells []Cell) *Cell {
	for i := range slices.Backward(cells) {
		if c := &cells[i]; p.Is(c) && !c.Interrupted {
			return c
		}
	}
	return nil
}

// String returns the trial's name in messages: fanout=serial trial 2.
func (p *PlannedTrial) String() string {
	return strings.Join(append(ParamList(p.Params), fmt.Sprintf("trial %d", p.Trial)), " ")
}

// Missing are the planned trials of which there is no cell that was not cut short.
func (r *Run) Missing(planned []PlannedTrial) (out []PlannedTrial) {
	for i := range planned {
		if planned[i].Last(r.Cells) == nil {
			out = append(out, planned[i])
		}
	}
	return out
}

// Settle marks the cells of trials that were made again, and finds the verdict of the run: the
// worst of the cells that count, invalid when there are none or when planned trials are missing.
func (r *Run) Settle(planned []PlannedTrial) {
	for i := range planned {
		if last := planned[i].Last(r.Cells); last != nil {
			for k := range r.Cells {
				if c := &r.Cells[k]; c != last && planned[i].Is(c) && !c.Interrupted {
					c.Repeated = true
				}
			}
		}
	}
	r.Verdict = Pass
	counted := 0
	for i := range r.Cells {
		if !r.Cells[i].Repeated {
			counted++
			r.Verdict = Worst(r.Verdict, r.Cells[i].Verdict)
		}
	}
	if counted == 0 || len(r.Missing(planned)) > 0 {
		r.Verdict = Invalid
	}
}

// namedMissing is how many missing trials a warning names.
const namedMissing = 20

// readUnfinished returns what the journal of a run has that has left no result.json. It is in the
// directory at of a file system, which messages call dir.
func readUnfinished(fsys fs.FS, at, dir string) (*Run, error) {
	run, planned, err := readJournal(fsys, at, filepath.Join(dir, JournalName))
	if errors.Is(err, ErrOfSearch) {
		return nil, fmt.Errorf("%s: the search there has not ended; continue it with: throng capacity FILE --resume %s", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	if len(run.Cells) == 0 {
		return nil, fmt.Errorf("%s: the run there ended before its first trial did, so there is no result to show; start it again with: throng run --resume %s", dir, dir)
	}
	run.Settle(planned)
	missing := run.Missing(planned)
	if len(missing) == 0 {
		return run, nil
	}
	run.Interrupted = true
	var names []string
	for i := range missing[:min(len(missing), namedMissing)] {
		names = append(names, missing[i].String())
	}
	if more := len(missing) - namedMissing; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	text := fmt.Sprintf("the run has not ended: its journal has %d of %d trials; missing: %s", len(planned)-len(missing), len(planned), strings.Join(names, ", "))
	if prefix := CellName(len(run.Cells), max(len(planned), len(run.Cells)+1)); begun(fsys, at, prefix) {
		text += fmt.Sprintf(". The trial that was running has left the histogram logs %s.*.hlog", prefix)
	}
	run.Warnings = append(run.Warnings, Short(text, MaxText)) // the plan may be a stranger's
	return run, nil
}

// begun reports whether there are histogram logs of a cell.
func begun(fsys fs.FS, dir, cell string) bool {
	files, err := fs.ReadDir(fsys, dir)
	return err == nil && cell != "" && slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		return strings.HasPrefix(f.Name(), cell+".") && strings.HasSuffix(f.Name(), ".hlog")
	})
}
