package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// Ctrl-C ends a command that waits for events to send.
func TestInterruptEmit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, held := io.Pipe()
	defer held.Close()
	go func() {
		_, _ = held.Write([]byte("[1]\n")) // it returns when the command has read it
		cancel()
	}()
	var stderr strings.Builder
	if code := run(ctx, []string{"emit", "--broker", natsHere(t), "x", "-"}, in, io.Discard, &stderr); code != exitInterrupted || stderr.String() != "" {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

// TestEventsOf: the arguments of events come from the command line or, a list a line, from standard
// input; a wrong line is named, after those before it.
func TestEventsOf(t *testing.T) {
	for _, c := range []struct {
		args      []string
		in        string
		want, err string
	}{
		{nil, "ignored", "[]", ""},
		{[]string{`{"a":1}`, `"x"`}, "", `[{"a":1},"x"]`, ""},
		{[]string{"-", "1"}, "", "", "argument 1 of the event is not JSON: -"},
		{[]string{"-"}, "[1,\"é\"]\n[]\n[[2]]", `[1,"é"] [] [[2]]`, ""},
		{[]string{"-"}, "", "", ""},
		{[]string{"-"}, "[1]\n{}\n[2]", "[1]", "line 2 of standard input is no JSON list"},
	} {
		var got []string
		events, err := eventsOf(c.args, strings.NewReader(c.in))
		if err == nil {
			for values, failed := range events {
				if err = failed; err != nil {
					break
				}
				b, _ := json.Marshal(values)
				got = append(got, string(b))
			}
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) || strings.Join(got, " ") != c.want {
			t.Errorf("%q, %q: got %q, %v", c.args, c.in, got, err)
		}
	}
}

// What is wrong with the address or the flags of `throng emit` is bad usage, also without a broker.
func TestEmitRefusesWhatNoBrokerKnows(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"is not a URL":           {"--broker", "localhost"},
		"nats+embedded:// would": {"--broker", "nats+embedded://127.0.0.1:4222"},
	} {
		var stderr strings.Builder
		code := run(t.Context(), append([]string{"emit", "x"}, args...), strings.NewReader(""), io.Discard, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: code %d, %s", args, code, &stderr)
		}
	}
}
