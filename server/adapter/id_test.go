package adapter

import (
	"strings"
	"testing"
)

// A server with the id of another one would not hear it: short ids use all characters that official
// servers use.
func TestShortIDs(t *testing.T) {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	seen := map[rune]bool{}
	for range 1000 {
		id := newShortID()
		if len(id) != 6 || strings.Trim(id, characters) != "" {
			t.Fatalf("the id %q is not of six such characters", id)
		}
		for _, c := range id {
			seen[c] = true
		}
	}
	if len(seen) != len(characters) {
		t.Errorf("6000 random characters are %d different ones, want %d", len(seen), len(characters))
	}
}
