package main

import (
	"strings"
	"testing"
)

// Paragraphs of a summary fit into a terminal, and tables and words stay whole.
func TestFold(t *testing.T) {
	prose := "warning: " + strings.Repeat("the server was slow ", 12) + "throughout"
	table := "metric  p50  p99\nack       1    2"
	word := "report: " + strings.Repeat("long/", 30)
	got := fold("verdict: pass\n\n"+prose+"\n"+table+"\n"+word+"\n", 80)
	if !strings.HasPrefix(got, "verdict: pass\n\nwarning: the server") || !strings.Contains(got, "\n"+table+"\n") || !strings.HasSuffix(got, "long/\n") {
		t.Errorf("%q", got)
	}
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields("verdict: pass "+prose+" "+table+" "+word), " ") {
		t.Errorf("words are missing: %q", got)
	}
	for line := range strings.Lines(got) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 80 && strings.Contains(line, " ") {
			t.Errorf("%d characters: %q", len(line), line)
		}
	}
	ledger := "ledger: sent: 120  expected: 120 000  received: 120 000  lost: 0\nclients: asked: 1 001\n"
	if got, want := fold(ledger, 40), "ledger: sent: 120  expected: 120 000\n  received: 120 000  lost: 0\nclients: asked: 1 001\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := fold("ok  clock\n     it is read by a system call\n", 20), "ok  clock\n     it is read by a\n     system call\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// a wide character takes two cells
	if got, want := fold("出席 出席 出席\n房间: 出席  房间: 出席\n", 12), "出席 出席\n出席\n房间: 出席\n  房间: 出席\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := fold("short\nlines\n", 80); got != "short\nlines\n" {
		t.Errorf("%q", got)
	}
}

// A table that is wider than the terminal stands in parts below each other, each with the columns
// that name its rows, and a text in it that is wider alone in lines of words.
func TestFoldTable(t *testing.T) {
	wide := "work  fanout   delivery p50  delivery p99\n" +
		"all   naive            7 ms       19.3 ms\n" +
		"all   batched          3 ms       8.15 ms\n"
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{wide, 41, wide},
		{wide, 40, "work  fanout   delivery p50\nall   naive            7 ms\nall   batched          3 ms\n\n" +
			"work  fanout   delivery p99\nall   naive         19.3 ms\nall   batched       8.15 ms\n"},
		{"  slo    broken  p99(delivery) < 100ms  few samples\n  valid  holds\nnext\n", 36, "  slo    broken\n  valid  holds\n\n" +
			"  slo    p99(delivery) < 100ms\n  valid\n\n  slo    few samples\n  valid\nnext\n"},
		{"about     three words more\nduration  20s\n", 22, "about     three words\n          more\nduration  20s\n"},
		{"a rather long name of it  1 ms\nshort                     2 ms\n", 20, "a rather long   1 ms\nname of it\nshort           2 ms\n"},
		{"ok  descriptors  as many as a run needs\n", 30, "ok  descriptors  as many as a\n                 run needs\n"},
		// the text at the end has its words beside the others where they leave it some room
		{"rule  outcome  found\ncpu   broken   it was more than was allowed\nlag   met      1 ms\n", 40, "rule  outcome  found\n" +
			"cpu   broken   it was more than was\n               allowed\nlag   met      1 ms\n"},
		{"rule  outcome  found\ncpu   broken   it was more than was allowed\nlag   met      1 ms\n", 21, "rule  outcome\ncpu   broken\nlag   met\n\n" +
			"rule  found\ncpu   it was more\n      than was\n      allowed\nlag   1 ms\n"},
		{"出席  出席出席出席出席\na     b\n", 12, "出席  出席出席出席出席\na     b\n"},
		{"a  b cccccccccccc\nbb  c dddddddddddd\n", 9, "a  b cccccccccccc\nbb  c dddddddddddd\n"}, // no column is common to them
	} {
		if got := fold(tt.text, tt.width); got != tt.want {
			t.Errorf("in %d cells:\n%s\nwant\n%s", tt.width, got, tt.want)
		}
	}
}
