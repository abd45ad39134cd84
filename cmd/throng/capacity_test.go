package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Ctrl-C in a search keeps the trials before it, and the same directory goes on.
func TestInterruptSearch(t *testing.T) {
	dir := t.TempDir()
	text := "version: 1\nname: tiny\ngroups: {a: {count: 4, send: [{op: echo, rate: 5/s, ack: 5s}]}}\nslo: [errors(connect) == 0]\nvalid: [max(lag) < 1h, max(lag.receive) < 1h]\n" +
		"search: {raise: groups.a.count, from: 4, to: 8, settle: 0s, trial: 1s, confirm: {trials: 1}, steps_after: []}\n"
	file := filepath.Join(dir, "tiny.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, address := filepath.Join(dir, "out"), serveHere(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, said strings.Builder
	stderr := writerFunc(func(b []byte) {
		said.Write(b)
		if strings.HasPrefix(string(b), "#2 ") { // the second trial begins
			cancel()
		}
	})
	if code := run(ctx, []string{"capacity", file, "--out", out, "--target", address}, strings.NewReader(""), &stdout, stderr); code != exitInterrupted {
		t.Fatalf("exit code %d: %s%s", code, stdout.String(), said.String())
	}
	r, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || len(r.Cells) != 1 || r.Capacity.End != "open" || !strings.Contains(said.String(), "--resume "+out) {
		t.Errorf("%+v\n%s", r.Capacity, said.String())
	}
	said.Reset()
	code := run(t.Context(), []string{"capacity", file, "--resume", out, "--target", address}, strings.NewReader(""), &stdout, writerFunc(func(b []byte) { said.Write(b) }))
	if code != exitPass || !strings.Contains(said.String(), "#1  probe   4 PASS  (from the journal)") || !strings.Contains(stdout.String(), "holds at least 8 a") {
		t.Errorf("exit code %d: %s\n%s", code, stdout.String(), said.String())
	}
}
