package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A scenario that names a baseline is compared with it after each run; the first one finds none.
func TestBaseline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base, target := filepath.Join(dir, "main"), serveHere(t)
	text, err := os.ReadFile("testdata/long.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// However slow this machine is, the run passes.
	short := strings.NewReplacer("for: 10m", "for: 1s", "rate: 200/s}", "rate: 200/s, timeout: 5m}", "expect: others}", "expect: others, late: 5m}").Replace(string(text)) +
		"\nvalid: [p99(lag) < 1h, p99(lag.receive) < 1h, errors(send.late) < 1000]\nreport: {formats: [json], baseline: " + base + "}\n"
	file := filepath.Join(dir, "short.yaml")
	if err := os.WriteFile(file, []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := throng(t, "run", file, "--target", target, "--out", base, "--quiet")
	if code != exitPass || !strings.Contains(out, "no comparison: there is no "+base+" yet") {
		t.Fatalf("the first run: exit code %d\n%s%s", code, out, errs)
	}
	next := filepath.Join(dir, "next")
	out, errs, code = throng(t, "run", file, "--target", target, "--out", next, "--quiet")
	page := filepath.Join(next, "compare", "compare.html")
	if code != exitPass || !strings.Contains(out, "against "+base+": ") || !strings.Contains(out, "too few to show a difference") || !strings.Contains(out, page) {
		t.Fatalf("the second run: exit code %d\n%s%s", code, out, errs)
	}
	for _, name := range []string{"compare.html", "compare.json", "compare.md"} {
		if info, err := os.Stat(filepath.Join(next, "compare", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// With --json, standard output is the result alone.
	out, errs, code = throng(t, "run", file, "--target", target, "--out", filepath.Join(dir, "third"), "--quiet", "--json")
	if code != exitPass || !strings.HasSuffix(strings.TrimSpace(out), "}") || !strings.Contains(errs, "against "+base) {
		t.Errorf("with --json: exit code %d\n%s\n%s", code, out, errs)
	}
	if err := os.WriteFile(filepath.Join(base, "result.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := throng(t, "run", file, "--target", target, "--out", filepath.Join(dir, "fourth"), "--quiet"); code != exitUsage || !strings.Contains(errs, "baseline") {
		t.Errorf("a baseline that cannot be read: exit code %d, %s", code, errs)
	}
}
