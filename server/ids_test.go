package server

import "testing"

// Ids cannot be guessed: no two of many are alike, and each of their characters takes all 64
// values.
func TestIDsAreRandom(t *testing.T) {
	seen := map[string]bool{}
	var at [idLength]map[byte]bool
	for i := range at {
		at[i] = map[byte]bool{}
	}
	for range 10_000 { // a value is missing at one place once in e^150
		id := newID()
		if len(id) != idLength || seen[id] {
			t.Fatalf("id %q after %d others", id, len(seen))
		}
		seen[id] = true
		for i := range at {
			at[i][id[i]] = true
		}
	}
	for i, values := range at {
		if len(values) != 64 {
			t.Errorf("character %d has %d values", i, len(values))
		}
	}
}
