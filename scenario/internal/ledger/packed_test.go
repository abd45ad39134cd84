package ledger

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Rows that were packed are those that they were, and what is counted in one of them later is added.
func TestPackedRows(t *testing.T) {
	if reflect.TypeFor[result.Ledger]().NumField() != len(fields(&result.Ledger{})) {
		t.Error("fields has not all counts of a row")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var some, plain table
	for range 20_000 {
		k := rowKey{random.IntN(3), random.IntN(2000), random.IntN(4) - 1, random.IntN(11), random.IntN(3), random.IntN(2) == 0, random.IntN(2) == 0}
		for i, n := range fields(some.row(k)) {
			if by := random.Int64N(1 << random.IntN(62)); random.IntN(3) == 0 {
				*n += by
				*fields(plain.row(k))[i] += by
			}
		}
		plain.row(k) // also one of zeros
		some.pack()
	}
	if len(some.packed.b) == 0 || len(some.rows) > most {
		t.Fatalf("%d bytes are packed, and %d rows are not", len(some.packed.b), len(some.rows))
	}
	got, want := some.unpack(), slices.Clone(plain.rows)
	slices.SortFunc(got, CompareRows)
	slices.SortFunc(want, CompareRows)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d; or they differ", len(got), len(want))
	}
}
