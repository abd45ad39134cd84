package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// The rules of a file are applied to a saved result, and the exit code is the same as a run's.
func TestCheckAgainst(t *testing.T) {
	dir := t.TempDir()
	run := &result.Run{Format: result.Format, Scenario: "old", Verdict: result.Pass, Cells: []result.Cell{{
		Params: map[string]string{}, Trial: 1, Verdict: result.Pass, Seconds: 2,
		Phases:   []result.Phase{{Name: "hold", EndS: 2, Record: true}},
		Timeline: []result.Second{{CPU: 0.2}, {T: 1, CPU: 0.4}},
		Rates:    result.Rates{OfferedPerS: 10, AchievedPerS: 10},
		Ledger:   result.Ledger{Sent: 20, Expected: 200, Received: 195, Lost: 5},
		Latency:  map[string]*result.Latency{}, Errors: map[string]int64{}, Checks: []result.Check{}, Warnings: []string{},
	}}}
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	half := t.TempDir() // a run that ended before its second trial
	run.Interrupted, run.Verdict = true, result.Invalid
	if err := run.Write(half); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		slo  string
		of   string
		code int
		want string
		ends string
	}{
		{"loss(delivery) < 5%", dir, exitPass, "PASS\n", ""},
		{"loss(delivery) < 1%", dir, exitFail, "FAIL: loss(delivery) < 1%: 2.5 %\n", ""},
		{"loss(delivery) < 5% in hold", dir, exitInvalid, "INVALID: loss(delivery) < 5% in hold: not in this result\n", ""},
		{"loss(delivery) < 5%", half, exitInvalid, "PASS\n", "\nINVALID: the run was interrupted, and has not all of its trials\n"},
	} {
		path := filepath.Join(t.TempDir(), "rules.yaml")
		text := "version: 1\nname: rules\ngroups: {a: {count: 2, send: [{op: all, rate: 1/s}]}}\nphases: [{name: hold, for: 1s}]\nslo: [" + c.slo + "]\nvalid: [max(cpu) < 50%]\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, code := throng(t, "check", path, "--against", c.of)
		if code != c.code || !strings.HasPrefix(stdout, c.want) || !strings.HasSuffix(stdout, c.ends) || stderr != "" || !strings.Contains(stdout, "valid  holds") {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.slo, code, c.code, stdout, stderr)
		}
		if stdout, _, code := throng(t, "check", path, "--against", c.of, "--json"); code != c.code || !strings.Contains(stdout, `"verdict": "`) {
			t.Errorf("%s: exit code %d\n%s", c.slo, code, stdout)
		}
	}
	_, stderr, code := throng(t, "check", "quickstart", "--against", filepath.Join(dir, "none"))
	if code != exitUsage || !strings.Contains(stderr, "none") {
		t.Errorf("a directory that is not there: exit code %d, %s", code, stderr)
	}
}
