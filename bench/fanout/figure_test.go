//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// measuredCase writes the results of a case as a run does: three repeats of each entry.
func measuredCase(t *testing.T, dir, name string, h header) {
	t.Helper()
	all := allCases()
	at := slices.IndexFunc(all, func(c benchCase) bool { return c.name == name })
	if at < 0 {
		t.Fatalf("a figure shows the case %q, which is not there", name)
	}
	r := &report{benchCase: all[at], entries: all[at].entries, samples: map[string][]metrics{}}
	for i, e := range r.entries {
		for _, v := range []float64{1, 0.9, 1.3} {
			m := metrics{}
			for _, c := range r.columns {
				m[c] = v * float64(1+i)
			}
			r.samples[e.label()] = append(r.samples[e.label()], m)
		}
	}
	if err := os.WriteFile(resultFile(dir, name, ".jsonl"), r.lines(h), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresAreDrawnFromResults(t *testing.T) {
	dir, first := t.TempDir(), header{Machine: "One & Two", Processors: 2, Commit: "abc", Time: "2026-01-02T03:04:05Z", Load: "0.10"}
	flight, procs := pictures()[0], pictures()[1]
	for _, name := range flight.cases {
		measuredCase(t, dir, name, first)
	}
	var said strings.Builder
	if err := drawFigures(dir, &said); err != nil {
		t.Fatal(err)
	}
	if want := "--cases " + strings.Join(procs.cases, ","); !strings.Contains(said.String(), want) {
		t.Errorf("it does not say how to measure what is missing: %q", said.String())
	}
	svg := drawn(t, dir, flight.name)
	for _, want := range []string{"1\u00a0000 clients: µs", "5\u00a0000 clients: µs", "Throng", "messages in flight", "One &amp; Two", "commit abc, 2026-01-02", ">64<", ">3.0<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%q is not in the figure", want)
		}
	}
	if strings.Contains(svg, "measured in") {
		t.Error("results of one run are called residue")
	}

	later := first
	later.Commit = "def"
	for _, name := range procs.cases {
		measuredCase(t, dir, name, first)
	}
	measuredCase(t, dir, flight.cases[2], later)
	if err := drawFigures(dir, &said); err != nil {
		t.Fatal(err)
	}
	if svg := drawn(t, dir, flight.name); !strings.Contains(svg, "measured in 2 runs") {
		t.Error("results of two commits are shown as if they were of one")
	}
	if svg := drawn(t, dir, procs.name); !strings.Contains(svg, "or more shares it") || !strings.Contains(svg, "in proportion") {
		t.Error("a server that shares its processors is shown as if it did not")
	}
}

func TestFiguresOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	if err := drawFigures(dir, new(strings.Builder)); err == nil {
		t.Error("an empty folder gives a figure")
	}
	name := pictures()[0].cases[0]
	for _, c := range pictures()[0].cases {
		measuredCase(t, dir, c, header{})
	}
	text, err := os.ReadFile(resultFile(dir, name, ".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	withoutNode := slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return strings.Contains(s, `"server":"node"`) })
	for want, content := range map[string]string{
		"no us/delivery of node": strings.Join(withoutNode, ""),
		".jsonl:2:":              lines[0] + "{\n",
	} {
		if err := os.WriteFile(resultFile(dir, name, ".jsonl"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := drawFigures(dir, new(strings.Builder)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--cases "+name) {
			t.Errorf("%v, want an error with %q and the command", err, want)
		}
	}
}

func drawn(t *testing.T, dir, name string) string {
	t.Helper()
	svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
	if err != nil {
		t.Fatal(err)
	}
	return string(svg)
}
