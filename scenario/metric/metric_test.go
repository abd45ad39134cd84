package metric

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of the manual anew")

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Table {
		if m.Name == "" || seen[m.Name] {
			t.Errorf("the name %q is empty or stands twice", m.Name)
		}
		seen[m.Name] = true
		if m.About == "" {
			t.Errorf("%s: the manual has nothing to say", m.Name)
		}
		if (m.Unit == Seconds) != (m.Kind == Latency) {
			t.Errorf("%s: latencies are in seconds, and nothing else is", m.Name)
		}
		if !slices.IsSortedFunc(m.Labels, func(a, b string) int { return slices.Index(Labels, a) - slices.Index(Labels, b) }) {
			t.Errorf("%s: the labels %v are not in order", m.Name, m.Labels)
		}
		if got, known := Of(m.Name); !known || got.Name != m.Name {
			t.Errorf("%s is not found", m.Name)
		}
		taken := slices.ContainsFunc(Stats, func(s Stat) bool { return slices.Contains(s.Of, m.Name) })
		if !taken {
			t.Errorf("%s: no statistic is taken of it", m.Name)
		}
	}
	for _, s := range Stats {
		for _, of := range s.Of {
			if !seen[of] && (s.Name != StatErrors || !OfErrors(of)) {
				t.Errorf("%s is taken of %s, which is no metric", s.Name, of)
			}
		}
		if s.Bare != "" && !slices.Contains(s.Of, s.Bare) {
			t.Errorf("%s means %s, of which it cannot be taken", s.Name, s.Bare)
		}
	}
}

func TestStatOf(t *testing.T) {
	for name, quantile := range map[string]float64{
		"p50": 50, "p9": 9, "p99.9": 99.9, "p99.9999": 99.9999, "p0.1": 0.1, "max": 0, "errors": 0,
		"p0": -1, "p100": -1, "p": -1, "p99.99999": -1, "p-1": -1, "p9x": -1, "delivery": -1, "": -1,
	} {
		s, known := StatOf(name)
		if known != (quantile >= 0) || known && (s.Quantile != quantile || s.Name != name) {
			t.Errorf("%q: %+v, %v; want the quantile %v", name, s, known, quantile)
		}
	}
}

func TestLabelsOf(t *testing.T) {
	for check, want := range map[string]string{
		"p99 delivery":    "group from op event transport room_decile read replayed cross node phase",
		"loss delivery":   "group from op event transport room_decile read replayed cross node phase",
		"errors ack":      "group op event phase",
		"errors ack.x":    "group op event phase",
		"errors upgrade":  "group phase",
		"p99 ack":         "group op event transport read phase",
		"errors connect":  "group phase",
		"max connect":     "group transport phase",
		"errors ":         "phase",
		"max cpu":         "phase",
		"ratio recovered": "group phase",
	} {
		stat, metric, _ := strings.Cut(check, " ")
		if got := strings.Join(LabelsOf(stat, metric), " "); got != want {
			t.Errorf("%s(%s): %s, want %s", stat, metric, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	names := []string{"step.b", "lag", "delivery.slow", "connect.tcp", "ack", "step.a", "delivery"}
	slices.SortFunc(names, Order)
	if got, want := strings.Join(names, " "), "delivery ack connect.tcp lag delivery.slow step.a step.b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The manual's tables of metrics and of errors are made of these; go test -update writes them anew.
func TestManual(t *testing.T) {
	words := func(of []string) (out string) {
		for i, w := range of {
			out += map[bool]string{true: "", false: ", "}[i == 0] + "`" + w + "`"
		}
		return out
	}
	var metrics, kinds strings.Builder
	metrics.WriteString("| metric | what | labels |\n|---|---|---|\n")
	for _, m := range Table {
		fmt.Fprintf(&metrics, "| `%s` | %s | %s |\n", m.Name, m.About, words(m.Labels))
	}
	kinds.WriteString("| error | what | classes |\n|---|---|---|\n")
	for _, k := range ErrorKinds {
		about, classes := k.About, words(k.Hows)
		if k.Benign {
			about += "; by itself no failure"
		} else if k.Hows == nil {
			classes = "see below"
		}
		fmt.Fprintf(&kinds, "| `%s` | %s | %s |\n", k.Kind, about, classes)
	}
	manualTable(t, "metrics", metrics.String())
	manualTable(t, "errors", kinds.String())
}

// manualTable holds a table of the manual to what it should be, or with -update writes it.
func manualTable(t *testing.T, name, table string) {
	t.Helper()
	const path = "../../scenarios/README.md"
	begin, end := "<!-- "+name+": made by go test ./scenario/metric -update -->\n", "<!-- end of "+name+" -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	was, after, found2 := strings.Cut(rest, end)
	if !found || !found2 {
		t.Fatalf("%s has no marks %q and %q", path, begin, end)
	}
	if was == table {
		return
	}
	if !*update {
		t.Fatalf("the manual's table of %s is not the one here: run go test ./scenario/metric -update\n%s", name, table)
	}
	if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestErrorClasses(t *testing.T) {
	for text, want := range map[string]struct{ always, benign bool }{
		"connect.refused":        {always: true},
		"connect.http.404":       {always: true},
		"reconnect.never":        {always: true},
		"drop.ping_timeout":      {always: true},
		"slow.drop.ping_timeout": {benign: true},
		"volatile.skipped":       {benign: true},
		"waiting.namespace":      {always: true, benign: true},
		"ack.timeout":            {},
	} {
		c := ParseErrorClass(text)
		if c.String() != text || c.Always() != want.always || c.Benign() != want.benign {
			t.Errorf("%s: %+v, always %v, benign %v", text, c, c.Always(), c.Benign())
		}
	}
	if c := ParseErrorClass("connect.http.404"); c.Kind != ErrConnect || c.How != "http.404" {
		t.Errorf("%+v", c)
	}
}

// A check of errors names a kind or a class that can be.
func TestErrorNames(t *testing.T) {
	for name, want := range map[string]bool{
		"connect": true, "connect.refused": true, "connect.http.503": true, "upgrade": true, "drop.ping_timeout": true,
		"ack.timeout": true, "ack.late": false, "step.timeout": true, "delivery.unexpected": true, "stamp.invalid": true,
		"volatile": false, "waiting.tcp": false, "slow.drop": false, "ack.": false, "connect.tls": true, "reconnect.quic": true, "connect.tcp": false, "reconnect.open": false, "delivery.slow": false, "": false, "p99": false,
	} {
		if got := OfErrors(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	for _, name := range ErrorNames() {
		if c := ParseErrorClass(name); !OfErrors(name) || !Error(c.Kind, c.How).In(name) || Error(c.Kind, "another").In(name) != (c.How == "") {
			t.Errorf("%s is listed and cannot be named, or chooses others", name)
		}
	}
}
