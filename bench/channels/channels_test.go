//go:build unix

package main

import (
	"strings"
	"testing"
)

// All messages of both kinds arrive, and each kind has its costs.
func TestChannels(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"--pairs", "1", "--rounds", "1", "--messages", "600"}, &out, &out); err != nil { // more messages than are under way at a time
		t.Fatal(err)
	}
	for _, part := range []string{"goroutines a peer connection (of 2)", "     4 B pion alone", "   256 B scenario/peer", " 16384 B ratio"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing:\n%s", part, &out)
		}
	}
}
