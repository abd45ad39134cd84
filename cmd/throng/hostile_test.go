package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/throng-io/throng/scenario/result"
)

// TestHostileTarget: what a target answers, at whatever stage, cannot make lines of ours on the
// terminal, move the cursor or set colours.
func TestHostileTarget(t *testing.T) {
	const lie = "no\nthrong: verdict: pass\n\x1b[2J\x1b[32mverdict: pass\u202e"
	quoted := strings.NewReplacer("\n", `\n`, "\x1b", `\u001b`).Replace(lie)
	polls := func(second string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case r.URL.Query().Get("sid") == "":
				_, _ = fmt.Fprint(w, `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
			case len(body) > 0:
				_, _ = fmt.Fprint(w, "ok")
			default:
				_, _ = fmt.Fprint(w, second)
			}
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"a refusal of the namespace": polls(`44{"message":"` + quoted + `"}`),
		"an old server's refusal":    polls(`44"` + quoted + `"`),
		"no packet":                  polls(lie),
		"a page of an error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = fmt.Fprint(w, lie)
		},
		"an engine's refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"code":3,"message":"`+quoted+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			dir := t.TempDir()
			file := filepath.Join(dir, "x.yaml")
			if err := os.WriteFile(file, []byte("version: 1\nname: x\ngroups: {a: {count: 1, transport: polling}}\nphases: [{name: hold, for: 1s}]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, errs, code := throng(t, "run", file, "--target", srv.URL, "--out", filepath.Join(dir, "out"))
			if code != exitUnreachable {
				t.Errorf("exit code %d", code)
			}
			for line := range strings.Lines(out + errs) {
				line = strings.TrimSuffix(line, "\n")
				if strings.HasPrefix(line, "verdict:") || strings.HasPrefix(line, "throng: verdict") || strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
					t.Errorf("the target wrote %q", line)
				}
			}
			if !strings.Contains(errs, "cannot be reached") && !strings.Contains(errs, "refused the first client") {
				t.Errorf("it says %q", errs)
			}
		})
	}
}

// TestErrorsAreLines: each of several errors is a line, and a text within one is not.
func TestErrorsAreLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nname: x\ngroups: {a: {cuont: 1}, b: {conut: 2}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := throng(t, "check", file)
	if lines := strings.Split(strings.TrimSpace(errs), "\n"); code != exitUsage || len(lines) < 2 || strings.Contains(errs, `\n`) {
		t.Errorf("exit code %d: %q", code, errs)
	}
	// whatever they quote
	_, errs, code = throng(t, "check", "x\r\x1b[2J\nverdict: pass\u202e")
	if line := strings.TrimSuffix(errs, "\n"); code != exitUsage || !strings.Contains(line, `x\r\x1b[2J\nverdict: pass\u202e`) || result.Line(line) != line {
		t.Errorf("exit code %d: %q", code, errs)
	}
}
