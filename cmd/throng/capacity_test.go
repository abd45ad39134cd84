package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
	"github.com/throng-io/throng/server"
)

// Ctrl-C in a search keeps the trials before it, and the same directory goes on.
func TestInterruptSearch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "version: 1\nname: tiny\ngroups: {a: {count: 4, send: [{op: echo, rate: 5/s, ack: 5s}]}}\nslo: [errors(connect) == 0]\n" + fitAnywhere +
		"search: {raise: groups.a.count, from: 4, to: 8, settle: 0s, trial: 1s, confirm: {trials: 1}, steps_after: []}\nreport: {formats: [json]}\n"
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
	if !r.Interrupted || len(r.Cells) != 1 || r.Capacity.End != "open" || !strings.Contains(said.String(), "continue with: throng capacity "+file+" --resume "+out+", with the same --target\n") {
		t.Errorf("%+v\n%s", r.Capacity, said.String())
	}
	said.Reset()
	code := run(t.Context(), []string{"capacity", file, "--resume", out, "--target", address}, strings.NewReader(""), &stdout, writerFunc(func(b []byte) { said.Write(b) }))
	if code != exitPass || !strings.Contains(said.String(), "#1  probe   4 PASS  (from the journal)") || !strings.Contains(stdout.String(), "holds at least 8 a") {
		t.Errorf("exit code %d: %s\n%s", code, stdout.String(), said.String())
	}
	// one that ends before its first trial leaves the other one that it was to overwrite
	before, err := os.ReadFile(filepath.Join(out, capacity.JournalName))
	if err != nil {
		t.Fatal(err)
	}
	said.Reset()
	stdout.Reset()
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	stderr = func(b []byte) {
		said.Write(b)
		if strings.HasPrefix(string(b), "#1 ") {
			cancel()
		}
	}
	code = run(ctx, []string{"capacity", file, "--out", out, "--force", "--target", address}, strings.NewReader(""), &stdout, stderr)
	if code != exitInterrupted || stdout.Len() > 0 || !strings.HasSuffix(said.String(), "\nthrong: interrupted before the first measurement\n") {
		t.Errorf("exit code %d: %s\n%s", code, stdout.String(), said.String())
	}
	after, err := os.ReadFile(filepath.Join(out, capacity.JournalName))
	if err != nil || !bytes.Equal(before, after) || !exists(filepath.Join(out, capacity.TrialsName, "02", result.FileName)) {
		t.Errorf("the search before is not there any more: %v", err)
	}
}

// A search that was killed before its first trial had ended does not take the one before with it,
// wherever it was.
func TestSearchSetAside(t *testing.T) {
	dir := t.TempDir()
	journal, trials := filepath.Join(dir, capacity.JournalName), filepath.Join(dir, capacity.TrialsName)
	write := func(text string) {
		if err := errors.Join(os.WriteFile(journal, []byte(text), 0o600), os.MkdirAll(trials, 0o700), os.WriteFile(filepath.Join(trials, text), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		text, err := os.ReadFile(journal)
		names, terr := os.ReadDir(trials)
		if err != nil || string(text) != want || terr != nil || len(names) != 1 || names[0].Name() != want {
			t.Errorf("%q, %v, trials %v, %v, want those of %s", text, err, names, terr, want)
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
			t.Errorf("%v, %v", all, err)
		}
	}
	write("old")
	take := func() *searchPlace {
		p := &searchPlace{dir: dir, unlock: func() {}}
		if err := p.take(&capacity.Options{}); err != nil || exists(journal) {
			t.Fatalf("%v, or it is not set aside", err)
		}
		return p
	}
	for _, killed := range []func(){
		func() { write("killed") },
		func() {}, // before it began its journal
		func() { // while it was set aside, or taken back
			if err := os.Rename(filepath.Join(dir, asideName, capacity.JournalName), journal); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			if err := moveSearch(filepath.Join(dir, asideName), dir); err != nil {
				t.Fatal(err)
			}
		},
	} {
		take()
		killed()
		if err := take().leave(); err != nil {
			t.Fatal(err)
		}
		check("old")
	}
	p := take()
	write("new")
	if err := os.MkdirAll(filepath.Join(dir, asideName+".removed", "x"), 0o700); err != nil { // killed while it was removed
		t.Fatal(err)
	}
	for range 2 { // with the first trial, and at the end
		p.kept = true
		if err := p.leave(); err != nil {
			t.Fatal(err)
		}
		check("new")
	}
}

// What hinders that a search comes back is said, beside the error that ended the other one.
func TestSearchNotTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "tiny.yaml"), filepath.Join(dir, "out")
	journal := filepath.Join(out, capacity.JournalName)
	text := "version: 1\nname: tiny\ngroups: {a: {count: 1}}\nsearch: {raise: groups.a.count, from: 1, to: 2, trial: 1s}\n"
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Mkdir(out, 0o700), os.WriteFile(journal, []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(out, asideName, "stray")
	for _, test := range []struct {
		want string
		code int
	}{
		{"throng: take the search before back from " + filepath.Join(out, asideName), exitUnreachable},
		{"throng: overwrite the search in " + out, exitUsage}, // the stray file is still there
	} {
		var said strings.Builder
		code := run(t.Context(), []string{"capacity", file, "--out", out, "--force", "--target", "http://127.0.0.1:1"}, strings.NewReader(""), io.Discard, writerFunc(func(b []byte) {
			said.Write(b)
			if strings.HasPrefix(string(b), "#1 ") {
				if err := os.WriteFile(stray, nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}))
		if code != test.code || !strings.Contains(said.String(), "\n"+test.want) && !strings.HasPrefix(said.String(), test.want) {
			t.Errorf("exit code %d: %s, want %q", code, said.String(), test.want)
		}
		if text, err := os.ReadFile(journal); err != nil || string(text) != "old" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// saturating serves echoes one after the other, each of which takes 10 ms: a hundred a second,
// however many clients ask.
func saturating(t *testing.T) string {
	t.Helper()
	s, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var one sync.Mutex
	s.On("echo", func(_ *server.Socket, e *server.Event) error {
		one.Lock()
		defer one.Unlock()
		time.Sleep(10 * time.Millisecond)
		return e.AckRaw(e.Raw())
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// TestQueueThatGrowsDoesNotHold: 160 calls a second are asked of a server that answers at most 100.
// After a trial of four seconds all are answered, and no check is broken.
func TestQueueThatGrowsDoesNotHold(t *testing.T) {
	t.Parallel()
	stdout, code := capacityOf(t, saturating(t), "echo, rate: 40/s, ack: 1h", "groups.a.send[0].rate, from: 40/s, to: 40/s", "4s")
	if code != exitNothing || !strings.Contains(stdout, "does not hold 40/s") || !strings.Contains(stdout, "no growth within the trial: p50(ack) grew from ") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

// TestServerThatAnswersNothing: calls that are never answered are no capacity.
func TestServerThatAnswersNothing(t *testing.T) {
	t.Parallel()
	stdout, code := capacityOf(t, saturating(t), "echo, event: unknown, rate: 5/s, ack: 500ms", "groups.a.send[0].rate, from: 5/s, to: 40/s", "1s")
	if code != exitNothing || !strings.Contains(stdout, "does not hold 5/s") || !strings.Contains(stdout, "errors(ack.timeout) == 0") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

// fitAnywhere is the part of a scenario that makes any machine fit to judge it.
const fitAnywhere = "valid: [max(lag) < 1h, max(lag.receive) < 1h, errors(send.late) < 1000000]\n"

// capacityOf searches with four clients.
func capacityOf(t *testing.T, target, send, raise, trial string) (stdout string, code int) {
	t.Helper()
	dir := t.TempDir()
	text := "version: 1\nname: tiny\ngroups: {a: {count: 4, send: [{op: " + send + "}]}}\nslo: [errors(connect) == 0]\n" + fitAnywhere +
		"search: {raise: '" + strings.Replace(raise, ", ", "', ", 1) + ", settle: 0s, trial: " + trial + ", confirm: {trials: 1}, steps_after: []}\nreport: {formats: [json]}\n"
	file := filepath.Join(dir, "tiny.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, said strings.Builder
	code = run(t.Context(), []string{"capacity", file, "--out", filepath.Join(dir, "out"), "--target", target}, strings.NewReader(""), &out, &said)
	return out.String(), code
}

// A level that the generator could not judge did not break.
func TestSearchBracket(t *testing.T) {
	p := &searchProgress{search: &file.Search{Unit: file.LevelCount}}
	for _, tt := range []struct {
		end  search.End
		want string
	}{{search.Open, "breaks 50]"}, {search.Generator, "not decided at 50]"}} {
		if got := p.bracket(capacity.Step{SoFar: search.Answer{Low: 25, High: 50, End: tt.end}}); !strings.Contains(got, "[holds 25, "+tt.want) {
			t.Errorf("%s: %s", tt.end, got)
		}
	}
}
