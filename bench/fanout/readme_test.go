//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/bench/internal/manual"
	"github.com/throng-io/throng/bench/internal/rounds"
)

// The numbers in README.md are those of bench/results.
func TestReadmeHasTheResults(t *testing.T) {
	dir := filepath.Join("..", "results")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := readmeTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := manual.Begins(readmeCommand) + table + manual.Ends; !strings.Contains(string(text), want) {
		t.Errorf("README.md has other numbers than bench/results; 'go run ./bench/fanout --figure' writes them:\n%s", want)
	}
	r, err := readResults(dir, "generators")
	if err != nil {
		t.Fatal(err)
	}
	want := "|"
	for _, name := range []string{"throng", "artillery", "k6"} { // the order of the columns
		want += " " + amount(rounds.Median(r.column("throng under "+name, perGenerator)), 2) + " |"
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "echoes for a CPU second (") && !strings.Contains(line, want) {
			t.Errorf("README.md compares other tools by other numbers than bench/results has, %s: %s", want, line)
		}
	}
}

func TestAmount(t *testing.T) {
	for want, v := range map[string]float64{"0.530": 0.53, "8.19": 8.191, "46.6": 46.62, "999": 999.4, "1 000": 1001, "189 000": 189488, "1 760 000": 1758131} {
		if got := amount(v, 3); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
