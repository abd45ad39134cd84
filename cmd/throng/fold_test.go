package main

import (
	"strings"
	"testing"
)

// Paragraphs of a summary fit into a terminal, and tables and words stay whole.
func TestFold(t *testing.T) {
	prose := "warning: " + strings.Repeat("the server was slow ", 12) + "throughout"
	table := "metric      p50     p99     " + strings.Repeat("a wide column ", 8)
	word := "report: " + strings.Repeat("long/", 30)
	got := fold("verdict: pass\n\n"+prose+"\n"+table+"\n"+word+"\n", 80)
	if !strings.HasPrefix(got, "verdict: pass\n\nwarning: the server") || !strings.Contains(got, "\n"+table+"\n") || !strings.HasSuffix(got, "long/\n") {
		t.Errorf("%q", got)
	}
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields("verdict: pass "+prose+" "+table+" "+word), " ") {
		t.Errorf("words are missing: %q", got)
	}
	for line := range strings.Lines(got) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 80 && line != table && strings.Contains(line, " ") {
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
