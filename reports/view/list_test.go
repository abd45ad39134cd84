package view

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

var reRun = regexp.MustCompile(`<h2>.*?<a href="/run/([^"]+)"`)

// listed names the runs of a list in its order.
func listed(body string) string {
	var names []string
	for _, m := range reRun.FindAllStringSubmatch(body, -1) {
		names = append(names, m[1])
	}
	return strings.Join(names, " ")
}

func TestViewSortsAndChooses(t *testing.T) {
	dir, server := viewed(t)
	for i, r := range []struct {
		name, scenario string
		verdict        result.Verdict
	}{
		{"x/first", "chat", result.Pass},
		{"x/second", "other", result.Fail},
		{"x/third", "chat", result.Fail},
	} {
		run := reporttest.Trials(uint64(10+i), 2, 1000)
		run.Scenario, run.Verdict, run.Started = r.scenario, r.verdict, time.Date(2030, 1, 1+i, 0, 0, 0, 0, time.UTC)
		for j := range run.Cells {
			run.Cells[j].Verdict = r.verdict
		}
		if err := run.Write(filepath.Join(dir, r.name)); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{
		"?q=x/":              "x/third x/second x/first",
		"?q=x/&sort=oldest":  "x/first x/second x/third",
		"?sort=name&q=x/":    "x/first x/second x/third",
		"?sort=verdict&q=x/": "x/third x/second x/first",
		"?scenario=other":    "x/second",
	} {
		if _, body, _ := get(t, server, "/"+query); listed(body) != want {
			t.Errorf("%s lists %q, want %q", query, listed(body), want)
		}
	}
	// The newest run with an older one of its scenario, whatever lies between them, and in whatever
	// order they are shown.
	for _, query := range []string{"?q=x/", "?q=x/&sort=oldest"} {
		_, body, _ := get(t, server, "/"+query)
		if !strings.Contains(body, `name="base" value="x/first" checked`) || !strings.Contains(body, `name="new" value="x/third" checked`) || strings.Count(body, " checked") != 2 {
			t.Errorf("%s chooses beforehand:\n%s", query, body[strings.Index(body, "<main>"):])
		}
	}
	q := url.Values{"base": {"x/first"}, "new": {"x/second", "x/third"}}
	status, body, _ := get(t, server, "/compare?"+q.Encode())
	if status != 200 || !strings.Contains(body, "second") || !strings.Contains(body, "third") || !strings.Contains(body, "← all results") {
		t.Errorf("three runs: %d %.300s", status, body)
	}
}

// A search shows its answer, and its trials stand behind it.
func TestViewOfSearches(t *testing.T) {
	dir, server := viewed(t)
	run := reporttest.Trials(3, 2, 1000, 2000)
	run.Capacity = &result.Capacity{Raise: "groups.viewers.count", From: 1, To: 10, End: "found", Low: 4, High: 5}
	if err := run.Write(filepath.Join(dir, "search")); err != nil {
		t.Fatal(err)
	}
	for _, trial := range []string{"search/trials/01", "search/trials/02"} {
		if err := reporttest.Trials(1, 1, 1000).Write(filepath.Join(dir, trial)); err != nil {
			t.Fatal(err)
		}
	}
	_, body, _ := get(t, server, "/?q=search")
	if listed(body) != "search" || !strings.Contains(body, "2 results within") || !strings.Contains(body, ">capacity<") || strings.Contains(body, `value="search"> against`) {
		t.Errorf("the search in the list:\n%s", body[strings.Index(body, "<main>"):])
	}
	if _, body, _ := get(t, server, "/?within=search"); listed(body) != "search/trials/01 search/trials/02" && listed(body) != "search/trials/02 search/trials/01" {
		t.Errorf("within it: %q", listed(body))
	}
	if status, body, _ := get(t, server, "/run/search"); status != 200 || !strings.Contains(body, "← all results") {
		t.Errorf("its report: %d %.200s", status, body)
	}
}

// A run that was interrupted has that word and no PASS, though an earlier version wrote one.
func TestViewOfInterruptedRuns(t *testing.T) {
	dir, server := viewed(t)
	run := reporttest.Trials(1, 1, 1000)
	run.Interrupted = true
	if err := run.Write(filepath.Join(dir, "stopped")); err != nil {
		t.Fatal(err)
	}
	_, body, _ := get(t, server, "/?q=stopped")
	if !strings.Contains(body, `<span class="badge invalid">interrupted</span>`) || strings.Contains(body, ">pass</span>") {
		t.Errorf("the run in the list:\n%s", body[strings.Index(body, "<main>"):])
	}
	if _, body, _ := get(t, server, "/?verdict=invalid"); !strings.Contains(listed(body), "stopped") {
		t.Errorf("invalid are %q", listed(body))
	}
}

// A run that was killed is in the list with what its journal has, until its result takes its place.
func TestViewOfKilledRuns(t *testing.T) {
	dir, server := viewed(t)
	run := reporttest.Trials(1, 2, 1000)
	killed := filepath.Join(dir, "killed")
	put(t, filepath.Join(killed, "scenario.yaml"), "")
	first := run.Cells[0]
	var planned []result.PlannedTrial
	for i := range run.Cells {
		planned = append(planned, result.PlannedTrial{Params: run.Cells[i].Params, Trial: run.Cells[i].Trial})
	}
	head := *run
	head.Cells = nil
	j, err := result.BeginJournal(killed, &head, planned)
	if err == nil {
		err = errors.Join(j.Add(&first), j.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, body, _ := get(t, server, "/?q=killed"); !strings.Contains(body, `<span class="badge invalid">interrupted</span>`) {
		t.Errorf("the run in the list:\n%s", body[strings.Index(body, "<main>"):])
	}
	if status, body, _ := get(t, server, "/run/killed"); status != 200 || !strings.Contains(body, "the run has not ended: its journal has 1 of 2 trials; missing: ") {
		t.Errorf("its report: %d %.300s", status, body)
	}
	if err := run.Write(killed); err != nil {
		t.Fatal(err)
	}
	_, body, _ := get(t, server, "/?q=killed")
	if n := strings.Count(body, `href="/run/killed"`); n != 1 || strings.Contains(body, "interrupted") {
		t.Errorf("the run is %d times in the list:\n%s", n, body[strings.Index(body, "<main>"):])
	}
}

// Runs with nothing in common are no dead end: their cells can be chosen.
func TestViewOffersCells(t *testing.T) {
	_, server := viewed(t)
	status, body, _ := get(t, server, "/compare?base=matrix&new=old")
	if status != 422 || !strings.Contains(body, "no combination of parameters in common") || !strings.Contains(body, "<option>matrix#kind=kind a</option>") || !strings.Contains(body, "<option>old</option>") {
		t.Errorf("%d:\n%s", status, body)
	}
	for _, q := range []url.Values{
		{"base": {"matrix#kind=kind a"}, "new": {"old"}},
		{"base": {"matrix#kind=kind a"}, "new": {"matrix#kind=kind b"}},
	} {
		status, body, _ := get(t, server, "/compare?"+q.Encode())
		for _, want := range []string{"p99 delivery", "figure-spectrum", "figure-shift"} {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%v: %d, and no %s in %.300s", q, status, want, body)
			}
		}
	}
}
