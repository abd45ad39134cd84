package view

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

//go:embed view.html
var viewText string

// scriptHash lets a browser run the script of our pages, and no other.
var scriptHash = func() string {
	sum := sha256.Sum256([]byte(htmlpage.PageScript))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

var viewTemplate = template.Must(template.Must(htmlpage.PageTemplate.Clone()).New("view").Parse(viewText))

// Viewer serves the results below a directory to a browser: a list of all runs that can be
// filtered, the report of each, and the comparison of any two. It reads the directory anew for each
// list, writes nothing, and reaches no network beyond its own listener. Its pages run no script but
// the one that sorts tables and enlarges figures, and say so to the browser, so that a page in a
// result from elsewhere cannot run another either.
//
//	/                                 the list; ?q= filters by words, ?verdict=, ?scenario= and ?within= by these, ?sort= sorts
//	/run/NAME                         the report of a run
//	/compare?base=NAME&new=NAME       two runs, or more with several new
//	/compare?base=NAME&by=AXIS        the values of an axis within a run
//	/compare?base=NAME%23AXIS%3DVALUE some cells of a run, on either side
//	/files/NAME/FILE                  a file of a run: result.json, histograms, figures
type Viewer struct {
	root *os.Root
	mux  *http.ServeMux

	mu sync.Mutex
	// by name; entries of runs that are gone are dropped with the next list
	seen map[string]viewedRun
}

// New opens the directory. Close it when the server that uses the handler has ended.
func New(dir string) (*Viewer, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such directory (%w); 'throng run' makes one, or name another", dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("view results: %w; name the directory that holds them", err)
	}
	v := &Viewer{root: root, mux: http.NewServeMux(), seen: map[string]viewedRun{}}
	v.mux.HandleFunc("GET /{$}", v.list)
	v.mux.HandleFunc("GET /run/{name...}", v.report)
	v.mux.HandleFunc("GET /compare", v.compare)
	v.mux.HandleFunc("GET /files/{name...}", v.file)
	v.mux.HandleFunc("GET /favicon.ico", favicon)
	return v, nil
}

// Close lets go of the directory.
func (v *Viewer) Close() error { return v.root.Close() }

// ServeHTTP answers a request. Names of hosts other than localhost are refused on a loopback
// address: a page from elsewhere could otherwise have its own name point here, and read the
// answers.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src "+scriptHash+"; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	hostname.Guard(v.mux, nil).ServeHTTP(w, r)
}

// read takes the result of a run, within the root.
func (v *Viewer) read(name string) (*result.Run, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not a run: %w", name, fs.ErrNotExist)
	}
	return result.ReadFS(v.root.FS(), name)
}

// maxPage is how many bytes a page may have to be shown.
const maxPage = 1 << 28

// report shows the page that the run wrote, or draws it when there is none.
func (v *Viewer) report(w http.ResponseWriter, r *http.Request) {
	name := cmp.Or(r.PathValue("name"), ".") // of the directory itself, when that is a run's
	if !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	if page, err := regular.ReadFS(v.root.FS(), path.Join(name, htmlpage.PageName), maxPage); err == nil {
		html(w, withWayBack(page))
		return
	}
	run, err := v.read(name)
	if err != nil {
		fail(w, err)
		return
	}
	page, err := reports.HTML(run)
	if err != nil {
		fail(w, err)
		return
	}
	html(w, withWayBack(page))
}

// offered reports whether a file is one that runs write for readers and programs. The directory may
// hold anything else besides, such as keys.
func offered(name string) bool {
	dir, ext := path.Dir(name), path.Ext(name)
	return path.Base(name) == result.FileName || ext == ".hlog" || path.Base(dir) == htmlpage.FiguresName && slices.Contains([]string{".svg", ".png", ".pdf"}, ext)
}

// file serves a file of a run as it is.
func (v *Viewer) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !fs.ValidPath(name) || !offered(name) {
		http.NotFound(w, r)
		return
	}
	info, err := v.root.Stat(name) // before it is opened: opening a named pipe waits for its writer
	if err != nil {
		fail(w, err)
		return
	}
	if !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	f, err := v.root.Open(name)
	if err != nil {
		fail(w, err)
		return
	}
	defer func() { _ = f.Close() }()
	if mime.TypeByExtension(path.Ext(name)) == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	http.ServeContent(w, r, path.Base(name), info.ModTime(), f)
}

// wayBack leads from a page to the list. The page was written to be read alone.
const wayBack = `<nav style="font:14px system-ui,sans-serif;margin:0 0 14px"><a href="/" style="color:inherit">← all results</a></nav>`

func withWayBack(page []byte) []byte {
	return bytes.Replace(page, []byte("<body>"), []byte("<body>"+wayBack), 1)
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
