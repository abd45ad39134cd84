package view

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// viewedRun is what the list says of a run, remembered as long as its file does not change.
type viewedRun struct {
	Name     string // its directory, relative to the root
	Scenario string
	Verdict  result.Verdict
	Word     string // of the verdict, or that it was interrupted
	Started  time.Time
	Cells    int
	Axes     []string
	Sentence string
	Search   bool   // throng capacity: the cells are its trials
	Within   string // the run whose directory this one lies in, as the trials of a search do; "" = none
	Inner    int    // runs that lie in this one's directory
	Words    string // what the filter searches, in lower case
	Problem  string // why it cannot be read; "" when it can

	modified time.Time
	size     int64
}

const maxViewDepth = 5

// runs lists the runs below the root, the newest first.
func (v *Viewer) runs() ([]viewedRun, error) {
	var all []viewedRun
	seen := map[string]viewedRun{}
	err := fs.WalkDir(v.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil: // one folder that cannot be read hides no other
			return fs.SkipDir
		case d.IsDir():
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == htmlpage.FiguresName || strings.Count(name, "/") >= maxViewDepth) {
				return fs.SkipDir
			}
			return nil
		case d.Name() == result.JournalName: // of a run that has no result yet
			if _, err := fs.Stat(v.root.FS(), path.Join(path.Dir(name), result.FileName)); !errors.Is(err, fs.ErrNotExist) {
				return nil
			}
		case d.Name() != result.FileName:
			return nil
		}
		run := v.look(path.Dir(name), d)
		seen[run.Name] = run
		all = append(all, run)
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.seen = seen
	v.mu.Unlock()
	slices.SortStableFunc(all, func(a, b viewedRun) int { return b.Started.Compare(a.Started) })
	nest(all)
	return all, nil
}

// look reads a run for the list, unless it has been read and not changed since.
func (v *Viewer) look(name string, d fs.DirEntry) viewedRun {
	run := viewedRun{Name: name}
	if info, err := d.Info(); err == nil {
		run.modified, run.size = info.ModTime(), info.Size()
	}
	v.mu.Lock()
	old, ok := v.seen[name]
	v.mu.Unlock()
	if ok && old.modified.Equal(run.modified) && old.size == run.size {
		return old
	}
	r, err := v.read(name)
	if err != nil {
		run.Problem, run.Verdict, run.Started = err.Error(), result.Invalid, run.modified
		run.Words = strings.ToLower(name)
		return run
	}
	run.Scenario, run.Verdict, run.Word, run.Started, run.Cells = r.Scenario, result.Worst(r.Verdict, r.Verdict), selection.WordOf(r), r.Started, len(r.Cells)
	if r.Interrupted { // an earlier version may have said pass
		run.Verdict = result.Invalid
	}
	run.Axes, run.Sentence = selection.Varying(r), reports.Sentence(r)
	if r.Capacity != nil {
		run.Search, run.Axes, run.Sentence = true, nil, capacity.Of(r).Line
	}
	words := []string{name, kindOf(run.Search), r.Scenario, r.About, string(run.Verdict), run.Word, run.Sentence, r.Throng, r.Env["commit"]}
	for i := range r.Cells {
		for k, value := range r.Cells[i].Params {
			if p := k + "=" + value; !slices.Contains(words, p) {
				words = append(words, p)
			}
		}
		for k, value := range r.Cells[i].Settings {
			if p := k + "=" + value; !slices.Contains(words, p) {
				words = append(words, p)
			}
		}
	}
	run.Words = strings.ToLower(strings.Join(words, "\n"))
	return run
}

func kindOf(search bool) string {
	if search {
		return "capacity"
	}
	return "run"
}

// nest notes which runs lie in the directories of others.
func nest(all []viewedRun) {
	at := map[string]int{}
	for i := range all {
		at[all[i].Name] = i
	}
	for i := range all {
		for dir := path.Dir(all[i].Name); dir != "."; dir = path.Dir(dir) {
			if j, ok := at[dir]; ok {
				all[i].Within = dir
				all[j].Inner++
				break
			}
		}
	}
}

// The orders of the list.
var viewSorts = []struct{ Name, Label string }{{"", "newest first"}, {"oldest", "oldest first"}, {"name", "by name"}, {"verdict", "worst first"}}

// viewPage is the list as its template sees it.
type viewPage struct {
	Runs      []viewedRun
	Total     int // of those that lie in no other
	Query     string
	Verdict   string
	Verdicts  []string
	Scenario  string
	Scenarios []string
	Sort      string
	Sorts     []struct{ Name, Label string }
	Within    string
	Base, New string // chosen beforehand
}

func (v *Viewer) list(w http.ResponseWriter, r *http.Request) {
	all, err := v.runs()
	if err != nil {
		fail(w, err)
		return
	}
	p := viewPage{
		Query: r.FormValue("q"), Verdict: r.FormValue("verdict"), Scenario: r.FormValue("scenario"), Sort: r.FormValue("sort"), Within: r.FormValue("within"),
		Verdicts: []string{"", string(result.Pass), string(result.Fail), string(result.Invalid)}, Scenarios: []string{""}, Sorts: viewSorts,
	}
	words := strings.Fields(strings.ToLower(p.Query))
	for _, run := range all {
		if run.Within != p.Within {
			continue
		}
		p.Total++
		if run.Scenario != "" && !slices.Contains(p.Scenarios, run.Scenario) {
			p.Scenarios = append(p.Scenarios, run.Scenario)
		}
		fits := (p.Verdict == "" || string(run.Verdict) == p.Verdict) && (p.Scenario == "" || run.Scenario == p.Scenario)
		for _, word := range words {
			fits = fits && strings.Contains(run.Words, word)
		}
		if fits {
			p.Runs = append(p.Runs, run)
		}
	}
	slices.Sort(p.Scenarios)
	p.choose()
	p.order()
	var b bytes.Buffer
	if err := viewTemplate.Execute(&b, &p); err != nil {
		fail(w, err)
		return
	}
	html(w, b.Bytes())
}

// choose takes the newest run that has an older one of its scenario, and that one as its base.
func (p *viewPage) choose() {
	for i, next := range p.Runs { // the newest first
		if next.Problem != "" || next.Search {
			continue
		}
		for _, base := range p.Runs[i+1:] {
			if base.Scenario == next.Scenario && base.Problem == "" && !base.Search {
				p.Base, p.New = base.Name, next.Name
				return
			}
		}
	}
}

func (p *viewPage) order() {
	severity := map[result.Verdict]int{result.Invalid: 1, result.Fail: 2, result.Pass: 3}
	slices.SortStableFunc(p.Runs, func(a, b viewedRun) int {
		switch p.Sort {
		case "oldest":
			return a.Started.Compare(b.Started)
		case "name":
			return cmp.Compare(a.Name, b.Name)
		case "verdict":
			return cmp.Compare(severity[a.Verdict], severity[b.Verdict])
		}
		return 0
	})
}

// Link is the address of the run's report: /run/ when the directory itself is the run's.
func (r viewedRun) Link() string {
	if r.Name == "." {
		return "/run/"
	}
	return "/run/" + escapePath(r.Name)
}

// Data is the address of the run's result.
func (r viewedRun) Data() string { return "/files/" + escapePath(path.Join(r.Name, result.FileName)) }

// By is the address of the comparison of an axis.
func (r viewedRun) By(axis string) string {
	return "/compare?" + url.Values{"base": {r.Name}, "by": {axis}}.Encode()
}

// When is the run's start as people write it.
func (r viewedRun) When() string { return r.Started.UTC().Format("2006-01-02 15:04 UTC") }

func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// In is the address of the runs within this one's directory.
func (r viewedRun) In() string { return "/?" + url.Values{"within": {r.Name}}.Encode() }
