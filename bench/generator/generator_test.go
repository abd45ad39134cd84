package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
)

// The binary of the tests is the bare clients as well.
func TestMain(m *testing.M) {
	if !program.Play("generator", roles...) {
		os.Exit(m.Run())
	}
}

// What it costs is for the benchmark to say; here both sides must receive everything, and the table
// must be whole.
func TestBothReceive(t *testing.T) {
	b, err := prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	b.runner = b.binary
	o := &options{clients: 20, rate: 20, size: 64, window: time.Second, repeats: 1, hold: 50, echoers: 10}
	var out bytes.Buffer
	for _, name := range cases {
		if _, err := b.measure(t.Context(), name, o, &out, io.Discard); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, want := range []string{"50 websocket clients in ", "50 websocket clients in a flow in ", "throng run ", "bare clients ", "ratio ", "for each delivery", "for each echo", "closed loop", "20 a second"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output has no %q:\n%s", want, &out)
		}
	}
}
