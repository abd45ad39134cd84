package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
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
