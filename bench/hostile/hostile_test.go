package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/bench/internal/program"
)

// The binary of the tests is the server as well.
func TestMain(m *testing.M) {
	if !program.Play("hostile", serverRole) {
		goleak.VerifyTestMain(m)
	}
}

// A short run: no good client notices, and the server is as it was before.
func TestShortRun(t *testing.T) {
	var out, said bytes.Buffer
	err := run(t.Context(), []string{"--for", "8s", "--good", "60", "--attackers", "60", "--rate", "100"}, &out, &said)
	if err != nil {
		t.Errorf("%v\n%s%s", err, said.Bytes(), out.Bytes())
	}
	for _, want := range []string{"60 good clients", " 0 lost", "readers that stop", "WebTransport that breaks the protocol", "resident memory"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.Bytes())
		}
	}
}

// Each violation is told.
func TestVerdict(t *testing.T) {
	fine := report{options: options{good: 10, memory: 100}, Attacks: []tally{{"a", 1, 1}}, Before: state{Goroutines: 20}, After: state{Sessions: 10, Goroutines: 20}}
	if err := fine.verdict(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*report){
		"lost 1 messages":          func(r *report) { r.Good.Lost = 1 },
		"1 messages out of order":  func(r *report) { r.Good.Disorder = 1 },
		"1 good clients":           func(r *report) { r.Good.Dropped = 1 },
		"took 101 MiB":             func(r *report) { r.Peak.Memory = 101 << 20 },
		"1 handlers panicked":      func(r *report) { r.After.Panics = 1 },
		"still has 11 sessions":    func(r *report) { r.After.Sessions = 11 },
		"and 200 goroutines":       func(r *report) { r.After.Goroutines = 200 },
		"and takes 120 MiB":        func(r *report) { r.Peak.Memory, r.After.Memory = 99<<20, 120<<20 },
		`"a" was never made`:       func(r *report) { r.Attacks = []tally{{"a", 0, 0}} },
		"could not be looked at: ": func(r *report) { r.unseen = errors.New("gone") },
	} {
		r := fine
		spoil(&r)
		if watched && want == "and takes 120 MiB" {
			continue
		}
		if err := r.verdict(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{{"--for", "-1s"}, {"--good", "0"}, {"--target", "http://x"}, {"more"}} {
		if _, err := parse(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
