package reports

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

//go:embed view.html
var viewText string

var viewTemplate = template.Must(template.Must(pageTemplate.Clone()).New("view").Parse(viewText))

// Viewer serves the results below a directory to a browser: a list of all runs that can be filtered, the report of each, and the
// comparison of any two. It reads the directory anew for each list, writes nothing, and reaches no network beyond its own
// listener. Its pages run no script, and say so to the browser, so that a page in a result from elsewhere cannot run one either.
//
//	/                                 the list; ?q= filters by words, ?verdict= by verdict
//	/run/NAME                         the report of a run
//	/compare?base=NAME&new=NAME       two runs, or more with several new
//	/compare?base=NAME&by=AXIS        the values of an axis within a run
//	/files/NAME/FILE                  a file of a run: result.json, histograms, figures
type Viewer struct {
	root *os.Root
	mux  *http.ServeMux

	mu   sync.Mutex
	seen map[string]viewedRun // by name; entries of runs that are gone are dropped with the next list
}

// viewedRun is what the list says of a run, remembered as long as its file does not change.
type viewedRun struct {
	Name     string // its directory, relative to the root
	Scenario string
	Verdict  result.Verdict
	Started  time.Time
	Cells    int
	Axes     []string
	Sentence string
	Words    string // what the filter searches, in lower case
	Problem  string // why it cannot be read; "" when it can

	modified time.Time
	size     int64
}

// NewViewer opens the directory. Close it when the server that uses the handler has ended.
func NewViewer(dir string) (*Viewer, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such directory; `throng run` makes one, or name another: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("view results: %w", err)
	}
	v := &Viewer{root: root, mux: http.NewServeMux(), seen: map[string]viewedRun{}}
	v.mux.HandleFunc("GET /{$}", v.list)
	v.mux.HandleFunc("GET /run/{name...}", v.report)
	v.mux.HandleFunc("GET /compare", v.compare)
	v.mux.HandleFunc("GET /files/{name...}", v.file)
	return v, nil
}

// Close lets go of the directory.
func (v *Viewer) Close() error { return v.root.Close() }

// ServeHTTP answers a request. Names of hosts other than localhost are refused on a loopback address: a page from elsewhere could
// otherwise have its own name point here, and read the answers.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && local.IP.IsLoopback() && !loopbackName(r.Host) {
		http.Error(w, "this address answers to localhost only", http.StatusMisdirectedRequest)
		return
	}
	v.mux.ServeHTTP(w, r)
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
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
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == FiguresName || strings.Count(name, "/") >= maxViewDepth) {
				return fs.SkipDir
			}
			return nil
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
	run.Scenario, run.Verdict, run.Started, run.Cells = r.Scenario, result.Worst(r.Verdict, r.Verdict), r.Started, len(r.Cells)
	run.Axes, run.Sentence = varying(r), Sentence(r)
	words := []string{name, r.Scenario, r.About, string(run.Verdict), run.Sentence, r.Throng, r.Env["commit"]}
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

// read takes the result of a run, within the root.
func (v *Viewer) read(name string) (*result.Run, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is no run: %w", name, fs.ErrNotExist)
	}
	text, err := v.root.ReadFile(path.Join(name, result.FileName))
	if err != nil {
		return nil, err
	}
	return result.Parse(path.Join(name, result.FileName), text)
}

// viewPage is the list as its template sees it.
type viewPage struct {
	Runs    []viewedRun
	Total   int
	Query   string
	Verdict string
	Choices []string
}

func (v *Viewer) list(w http.ResponseWriter, r *http.Request) {
	all, err := v.runs()
	if err != nil {
		fail(w, err)
		return
	}
	p := viewPage{
		Total: len(all), Query: r.FormValue("q"), Verdict: r.FormValue("verdict"),
		Choices: []string{"", string(result.Pass), string(result.Fail), string(result.Invalid)},
	}
	words := strings.Fields(strings.ToLower(p.Query))
	for _, run := range all {
		fits := p.Verdict == "" || string(run.Verdict) == p.Verdict
		for _, word := range words {
			fits = fits && strings.Contains(run.Words, word)
		}
		if fits {
			p.Runs = append(p.Runs, run)
		}
	}
	var b bytes.Buffer
	if err := viewTemplate.Execute(&b, &p); err != nil {
		fail(w, err)
		return
	}
	html(w, b.Bytes())
}

// report shows the page that the run wrote, or draws it when there is none.
func (v *Viewer) report(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	if page, err := v.root.ReadFile(path.Join(name, PageName)); err == nil {
		html(w, page)
		return
	}
	run, err := v.read(name)
	if err != nil {
		fail(w, err)
		return
	}
	p, err := build(run)
	if err != nil {
		fail(w, err)
		return
	}
	page, err := p.html()
	if err != nil {
		fail(w, err)
		return
	}
	html(w, page)
}

func (v *Viewer) compare(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	names := append([]string{q.Get("base")}, q["new"]...)
	if q.Get("by") != "" {
		names = names[:1]
	}
	var inputs []Input
	for _, name := range names {
		if name == "" || len(inputs) > 0 && name == names[0] {
			http.Error(w, "choose a base and another run to compare with it", http.StatusBadRequest)
			return
		}
		run, err := v.read(name)
		if err != nil {
			fail(w, err)
			return
		}
		inputs = append(inputs, Input{Name: name, Run: run})
	}
	c, err := Compare(inputs, CompareOptions{By: q.Get("by")})
	if err != nil { // the two cannot be compared, and the error says why
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	page, err := c.HTML(nil)
	if err != nil {
		fail(w, err)
		return
	}
	html(w, page)
}

// file serves a file of a run as it is.
func (v *Viewer) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	f, err := v.root.Open(name)
	if err != nil {
		fail(w, err)
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	if mime.TypeByExtension(path.Ext(name)) == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	http.ServeContent(w, r, path.Base(name), info.ModTime(), f)
}

func html(w http.ResponseWriter, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page) // a reader that went away is no matter
}

func fail(w http.ResponseWriter, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		http.Error(w, "no such run", http.StatusNotFound)
		return
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// Link is the address of the run's report.
func (r viewedRun) Link() string { return "/run/" + escapePath(r.Name) }

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
