package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenarios"
)

// completed asks as the shell's script does.
func completed(t *testing.T, args ...string) (values []string) {
	t.Helper()
	out, errs, code := throng(t, append([]string{cobra.ShellCompNoDescRequestCmd}, args...)...)
	if code != exitPass {
		t.Fatalf("%v: exit code %d, %s", args, code, errs)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, ":") {
			values = append(values, line)
		}
	}
	return values
}

// The examples of the help name ready scenarios, and set what they have.
func TestExamplesOfTheHelp(t *testing.T) {
	n := 0
	for _, cmd := range newRoot().Commands() {
		for line := range strings.Lines(cmd.Example) {
			words := strings.Fields(line)
			if len(words) < 3 || !slices.Contains(scenarios.Names(), words[2]) {
				continue
			}
			var pairs []string
			for i, word := range words {
				if word == "--set" {
					pairs = append(pairs, words[i+1])
				}
			}
			set, err := parseSet(pairs, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := load(nil, words[2], set); err != nil {
				t.Errorf("%s: %v", strings.TrimSpace(line), err)
			}
			n++
		}
	}
	if n < 5 {
		t.Errorf("only %d examples were found", n)
	}
}

func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"ru"}, "run"},
		{[]string{"run", "quicks"}, "quickstart"},
		{[]string{"check", "fano"}, "fanouts"},
		{[]string{"capacity", "capacity-cl"}, "capacity-clients"},
		{[]string{"serve", "--fanout", ""}, "batched"},
		{[]string{"serve", "--app", ""}, "chat"},
		{[]string{"report", "--format", ""}, "junit"},
		{[]string{"compare", "--fail"}, "--fail-if"},
	} {
		if got := completed(t, tt.args...); !slices.Contains(got, tt.want) {
			t.Errorf("%v completes to %v, want %s among them", tt.args, got, tt.want)
		}
	}
	if got := completed(t, "run", "./no-such"); len(got) != 0 {
		t.Errorf("what only the shell can complete: %v", got)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out, errs, code := throng(t, "completion", shell); code != exitPass || !strings.Contains(out, "throng") {
			t.Errorf("completion %s: exit code %d, %s", shell, code, errs)
		}
	}
}

// A stranger reads the help first: each command says what it does in full, and each flag has a name
// for its value.
func TestHelp(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if c.Name() == "help" || c.Name() == "completion" || c.Hidden {
			continue
		}
		if c.Short == "" || c.Long == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q, %q", c.Name(), c.Short, c.Long)
		}
		for line := range strings.Lines(c.Long) {
			if len([]rune(line)) > 91 {
				t.Errorf("%s: a line of the help is %d wide: %s", c.Name(), len([]rune(line)), line)
			}
		}
		if out, _, code := throng(t, c.Name(), "--help"); code != exitPass || !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help: exit code %d", c.Name(), code)
		}
	}
}
