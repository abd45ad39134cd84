package view

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// viewed is a viewer over three runs, one damaged and one with a page of its own, behind a real listener.
func viewed(t *testing.T) (dir string, server *httptest.Server) {
	t.Helper()
	dir = t.TempDir()
	for name, run := range map[string]*result.Run{"old": reporttest.Trials(1, 5, 2000), "deep/er/new & <b>": reporttest.Trials(2, 5, 2400), "matrix": reporttest.Trials(3, 5, 1000, 3000)} {
		if err := run.Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(dir, "old", htmlpage.PageName), "<p>the page of old</p>")
	put(t, filepath.Join(dir, "damaged", result.FileName), "{")
	put(t, filepath.Join(dir, ".hidden", result.FileName), "{")
	return dir, serve(t, dir)
}

func serve(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	v, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	t.Cleanup(func() {
		server.Close()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, server *httptest.Server, path string) (status int, body string, head http.Header) {
	t.Helper()
	r, err := server.Client().Get(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

var reLink = regexp.MustCompile(`href="([^"]+)"`)

func TestViewList(t *testing.T) {
	_, server := viewed(t)
	status, body, head := get(t, server, "/")
	if status != http.StatusOK || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("status %d, policy %q", status, head.Get("Content-Security-Policy"))
	}
	if !strings.Contains(body, "4 of 4 runs") || strings.Contains(body, ".hidden") || strings.Contains(body, "new & <b>") {
		t.Errorf("the list:\n%s", body)
	}
	if at := strings.Index(body, ">old<"); at < 0 || at < strings.Index(body, ">matrix<") {
		t.Error("the newest run is not above the oldest")
	}
	for _, m := range reLink.FindAllStringSubmatch(body, -1) {
		link := strings.ReplaceAll(m[1], "&amp;", "&")
		if !strings.HasPrefix(link, "/") {
			t.Errorf("a link leaves the page: %s", link)
		}
		if status, answer, _ := get(t, server, link); status != http.StatusOK {
			t.Errorf("%s: %d %s", link, status, answer)
		}
	}
	for query, want := range map[string]string{
		"?q=old": "1 of 4", "?q=ROOMS+old": "1 of 4", "?q=kind%3Dkind+matrix": "1 of 4", "?verdict=invalid": "1 of 4", "?verdict=pass": "3 of 4",
		"?q=old&verdict=fail": "0 of 4", "?q=%22%3E%3Cscript%3E": "0 of 4",
	} {
		status, body, _ := get(t, server, "/"+query)
		if status != http.StatusOK || !strings.Contains(body, want+" runs") || strings.Contains(body, "<script") {
			t.Errorf("%s: %d, want %s:\n%s", query, status, want, body[strings.Index(body, "<header>"):])
		}
	}
}

// The directory may be that of one run.
func TestViewOfOneRun(t *testing.T) {
	dir, _ := viewed(t)
	server := serve(t, filepath.Join(dir, "old"))
	_, body, _ := get(t, server, "/")
	links := reLink.FindAllStringSubmatch(body, -1)
	if len(links) < 2 {
		t.Errorf("the list:\n%s", body)
	}
	for _, m := range links {
		if status, answer, _ := get(t, server, m[1]); status != http.StatusOK {
			t.Errorf("%s: %d %s", m[1], status, answer)
		}
	}
	if _, body, _ := get(t, server, "/run/"); body != "<p>the page of old</p>" {
		t.Errorf("its report is %q", body)
	}
}

func TestViewSeesWhatChanges(t *testing.T) {
	dir, server := viewed(t)
	get(t, server, "/")
	run := reporttest.Trials(1, 1, 2000)
	run.Scenario, run.Verdict = "another", result.Fail
	if err := run.Write(filepath.Join(dir, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "old", result.FileName), time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "matrix")); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := get(t, server, "/"); !strings.Contains(body, "another") || strings.Contains(body, ">matrix<") {
		t.Errorf("the list is stale:\n%s", body)
	}
}

func TestViewReports(t *testing.T) {
	_, server := viewed(t)
	if _, body, _ := get(t, server, "/run/old"); body != "<p>the page of old</p>" {
		t.Errorf("the page that the run wrote is not shown: %q", body)
	}
	status, body, _ := get(t, server, "/run/"+escapePath("deep/er/new & <b>"))
	if status != http.StatusOK || !strings.Contains(body, "<h1>rooms</h1>") {
		t.Errorf("a run without a page is not drawn: %d", status)
	}
	if status, body, _ := get(t, server, "/files/old/result.json"); status != http.StatusOK || !strings.HasPrefix(body, "{") {
		t.Errorf("result.json: %d %.40s", status, body)
	}
}

func TestViewCompares(t *testing.T) {
	_, server := viewed(t)
	q := url.Values{"base": {"old"}, "new": {"deep/er/new & <b>"}}
	status, body, _ := get(t, server, "/compare?"+q.Encode())
	if status != http.StatusOK || !strings.Contains(body, "p99 delivery is") || !strings.Contains(body, "figure-shift") || !strings.Contains(body, "figure-spectrum") {
		t.Errorf("comparison: %d %.200s", status, body)
	}
	if status, body, _ := get(t, server, "/compare?base=matrix&by=kind"); status != http.StatusOK || !strings.Contains(body, "kind b") {
		t.Errorf("by axis: %d %.200s", status, body)
	}
	if _, body, _ := get(t, server, "/compare?base=old&by=kind"); !strings.Contains(body, "<p>old: ") {
		t.Errorf("the run is not named as it is: %.300s", body)
	}
	for path, want := range map[string]int{
		"/compare": http.StatusBadRequest, "/compare?base=old&new=old": http.StatusBadRequest, "/compare?base=old&new=none": http.StatusNotFound,
		"/compare?base=old": http.StatusBadRequest, "/compare?base=old&new=matrix%23kind": http.StatusInternalServerError, "/compare?base=old&by=kind": http.StatusUnprocessableEntity,
		"/compare?base=old&new=damaged": http.StatusInternalServerError,
	} {
		if status, body, _ := get(t, server, path); status != want {
			t.Errorf("%s: %d, want %d: %.100s", path, status, want, body)
		}
	}
}

func TestViewStaysInside(t *testing.T) {
	dir, server := viewed(t)
	secret := filepath.Join(t.TempDir(), "secret")
	put(t, filepath.Join(secret, result.FileName), "secret")
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, ".git", "config"), "secret")
	put(t, filepath.Join(dir, "old", "controller.nk"), "secret")
	put(t, filepath.Join(dir, "old", "figures", "notes.txt"), "secret")
	put(t, filepath.Join(dir, "old", "no-file.hlog", "x"), "") // a directory whose name is offered
	for _, path := range []string{
		"/files/.git/config", "/files/old/controller.nk", "/files/old/figures/notes.txt", "/files/old/figures", "/files/../secret", "/files/%2e%2e/secret/result.json", "/files/link/result.json", "/files/old/no-file.hlog", "/run/link", "/files/old", "/files/", "/run/", "/nothing",
		"/compare?base=../secret&new=old", "/files/" + url.PathEscape(secret) + "/result.json",
	} {
		if status, body, _ := get(t, server, path); status == http.StatusOK || strings.Contains(body, "secret\n") || body == "secret" {
			t.Errorf("%s: %d %.80s", path, status, body)
		}
	}
	put(t, filepath.Join(dir, "old", "figures", "heat.svg"), "<svg/>")
	put(t, filepath.Join(dir, "old", "ack.hlog"), "log")
	for _, path := range []string{"/files/old/figures/heat.svg", "/files/old/ack.hlog"} {
		if status, _, _ := get(t, server, path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example:80"
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name of the host is answered with %d", answer.StatusCode)
	}
	if post, err := server.Client().Post(server.URL+"/", "text/plain", nil); err != nil || post.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", post, err)
	} else {
		_ = post.Body.Close()
	}
}

func TestViewErrors(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "no such directory") {
		t.Errorf("a directory that is not there: %v", err)
	}
	v, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	w := httptest.NewRecorder()
	v.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(w.Body.String(), "No results here yet") {
		t.Errorf("an empty directory: %s", w.Body)
	}
}

// Browsers ask each site for its icon, and complain in their console when it has none.
func TestViewIcon(t *testing.T) {
	_, server := viewed(t)
	status, body, head := get(t, server, "/favicon.ico")
	if status != http.StatusOK || head.Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(body, "<svg") {
		t.Errorf("status %d, %s, %q", status, head.Get("Content-Type"), body)
	}
}
