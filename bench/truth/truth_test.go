package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A part of the cells, by their counts alone: what was planted is reported, to the message.
func TestQuick(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"--quick"}, &out, &errs); err != nil {
		t.Errorf("%v\n%s%s", err, &out, &errs)
	}
}

// Each cell has a name of its own, and each way and each life cells with and without mistakes.
func TestCells(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cells() {
		if seen[c.name()] {
			t.Errorf("%s is there twice", c.name())
		}
		seen[c.name()] = true
	}
	for _, w := range ways {
		for _, l := range lives {
			if want := !l.recovers || w.parser == ""; seen["no mistakes, "+w.name+", "+l.name] != want || seen["mistakes in deliveries, "+w.name+", "+l.name] != want {
				t.Errorf("%s, %s: want cells %v", w.name, l.name, want)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		l    line
		want bool
	}{
		{line{planted: 3, reported: 3}, true},
		{line{planted: 3, reported: 4}, false},
		{line{planted: 3, reported: 2}, false},
		{line{planted: 3, reported: 2, under: 1}, true},
		{line{planted: 3, reported: 5, over: 1, under: 9}, false},
		{line{words: [2]string{"fail", "fail"}}, true},
		{line{words: [2]string{"fail", "pass"}}, false},
	} {
		if got := c.l.holds(); got != c.want {
			t.Errorf("%+v holds: %v", c.l, got)
		}
	}
	var out bytes.Buffer
	if err := show(&out, "cell", []line{{what: "lost", planted: 3, reported: 4}, {what: "mean", planted: 1.5, reported: 1.75, over: 1, unit: "ms"}}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "WRONG") || !strings.Contains(text, "1.75 ms") || strings.Count(text, "WRONG") != 1 {
		t.Errorf("table:\n%s", text)
	}
	if got := counts([]line{{what: "a"}, {what: "b", unit: "ms"}}); len(got) != 1 || got[0].what != "a" {
		t.Errorf("counts: %+v", got)
	}
}

func TestNothingMatches(t *testing.T) {
	if err := run(t.Context(), []string{"--only", "no such cell"}, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("no cell ran, and it is no error")
	}
}
