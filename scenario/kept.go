package scenario

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// NoteName is the file of a run's directory that says which agents have the trial under way. It is
// there until the trial is in the journal: longer only when the process was killed before.
const NoteName = "agents.json"

// A Note is what it takes to collect what the agents of a trial have kept when their controller was
// killed.
type Note struct {
	Ticket string              `json:"ticket"` // see Parts
	Trial  result.PlannedTrial `json:"trial"`
	Agents []result.Agent      `json:"agents"`

	Started time.Time `json:"started"`
	Run     uint32    `json:"run"`  // the trial's id
	URLs    []string  `json:"urls"` // of the targets
	Path    string    `json:"path,omitempty"`
	BuiltIn bool      `json:"built_in,omitempty"`
	Shape   string    `json:"shape"` // of what agents report
}

// Kept is what an agent has kept of its part of a trial.
type Kept struct {
	Reports [][]byte // as it sent them; the caller owns them
	Why     error    // why that is not all; nil: it is
}

// ReadNote reads the note in the directory of a run. The error is fs.ErrNotExist where there is
// none.
func ReadNote(dir string) (*Note, error) {
	path := filepath.Join(dir, NoteName)
	text, err := regular.ReadFile(path, 16<<20)
	if err != nil {
		return nil, err
	}
	n := &Note{}
	if err := json.Unmarshal(text, n); err != nil || len(n.Agents) == 0 || len(n.URLs) == 0 || n.Ticket == "" {
		return nil, fmt.Errorf("%s is damaged; remove it to give up what the agents of the last trial have kept", path)
	}
	return n, nil
}

// RemoveNote removes the note, if there is one.
func RemoveNote(dir string) error {
	if err := os.Remove(filepath.Join(dir, NoteName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the note of the agents: %w", err)
	}
	return nil
}

// note writes down which agents have the trial, before they begin.
func (t *trial) note(ticket string) error {
	dir := t.opt.JournalDir
	if dir == "" || ticket == "" {
		return nil
	}
	text, err := json.Marshal(&Note{
		Ticket: ticket, Trial: plannedTrials([]file.Cell{*t.cell})[0], Agents: t.opt.Fleet.Agents(), Started: time.Now(), Run: t.id,
		URLs: t.server.urls, Path: t.server.ep.Path, BuiltIn: t.server.builtIn, Shape: t.shape(),
	})
	if err != nil {
		return err
	}
	// only this user is to read the ticket
	return os.WriteFile(filepath.Join(dir, NoteName), text, 0o600)
}

// shape is a hash of what the numbers in an agent's reports stand for.
func (t *trial) shape() string {
	h := sha256.New()
	_, _ = fmt.Fprintln(h, t.rec.Series, len(t.gauges()), len(t.nodes), t.kinds.transports)
	for i := range t.tl.Spans {
		_, _ = fmt.Fprintln(h, t.tl.Spans[i])
	}
	for _, s := range t.streams {
		_, _ = fmt.Fprintln(h, s.group.spec.Name, s.spec.Op, s.spec.Event)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// errKept is why a trial whose controller was killed ends early.
var errKept = errors.New("the controller was killed, and this is what its agents had measured and kept")

// Collect makes the result of a run whose process was killed while agents held its clients:
// opt.Earlier, and the trial that was under way from what they have kept, as one that was cut
// short. It measures nothing. kept is by agent, in the order of the note.
func Collect(f *file.File, n *Note, kept []Kept, opt Options) (*result.Run, error) {
	opt.complete()
	cells := f.Cells()
	all := plannedTrials(cells)
	at := slices.IndexFunc(all, func(p result.PlannedTrial) bool {
		return p.Is(&result.Cell{Params: n.Trial.Params, Trial: n.Trial.Trial})
	})
	if at < 0 || len(kept) != len(n.Agents) {
		return nil, errors.New("the note of the agents is of another scenario")
	}
	var err error
	if opt.tables, err = f.Data(); err != nil {
		return nil, err
	}
	if opt.logs, err = f.Logs(); err != nil {
		return nil, err
	}
	opt.Fleet, opt.HistogramDir = keptFleet{agents: n.Agents}, "" // logs of the killed process may be there
	if opt.role, err = controllerOf(cells[at].Spec, n.Agents); err != nil {
		return nil, err
	}
	opt.role.run = n.Run
	j := &job{URLs: n.URLs, Path: n.Path}
	t := newTrial(&cells[at], j.endpoint(), nil, opt, place{i: at, n: len(cells)})
	defer t.http.close()
	t.server.builtIn, t.server.nodes, t.scraper = n.BuiltIn, nil, nil
	if t.shape() != n.Shape {
		return nil, errors.New("the scenario or its files have changed since: what the agents report is of another one")
	}
	cell := t.recollect(kept)
	cell.Started = n.Started
	cell.Clean()

	run := *opt.Earlier
	run.Cells = append(slices.DeleteFunc(slices.Clone(run.Cells), func(c result.Cell) bool { return c.Interrupted }), *cell)
	run.Settle(all)
	run.Interrupted, run.Verdict = true, result.Invalid
	missing := len(run.Missing(all))
	run.Warnings = append(slices.Clone(run.Warnings),
		fmt.Sprintf("interrupted: %d of %d trials ran, the last one cut short: %v", min(len(all)-missing+1, len(all)), len(all), errKept))
	return &run, nil
}

// recollect is coordinate with reports that came long ago.
func (t *trial) recollect(kept []Kept) *result.Cell {
	now := int64(0)
	t.life.clock = func(time.Duration) time.Duration { return time.Duration(now) }
	c := newCollector(t)
	q := newCoordinator(t, c, noParts{})
	q.collected = true
	end := int64(0)
	for i, a := range q.agents {
		for _, data := range kept[i].Reports {
			q.take(PartMessage{Agent: i, Data: data})
		}
		if last := len(a.queue) - 1; last >= 0 {
			now = max(now, a.queue[last].until)
		} else if a.last != nil {
			now = max(now, a.last.until)
		}
		end = max(end, cmp.Or(a.end, now))
	}
	now = end
	for i, a := range q.agents {
		if why := kept[i].Why; why != nil || a.stage < partOver {
			q.take(PartMessage{Agent: i, Lost: cmp.Or(why, errors.New("it ended before it had written down all that it measured"))})
		}
	}
	q.finish(end)
	return t.report(c, q.account(), judge.Interrupted, errKept)
}

// A keptFleet is the agents of a trial that is over.
type keptFleet struct {
	Fleet
	agents []result.Agent
}

func (f keptFleet) Agents() []result.Agent { return f.agents }

// noParts are those of a trial that is over.
type noParts struct{ Parts }

func (noParts) Tell([]byte) error { return nil }
