package tables

import (
	"reflect"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// The ledger by operation names each operation once, and what only its event tells apart by both.
func TestOperationTable(t *testing.T) {
	l := result.Ledger{Sent: 10, Expected: 20, Received: 11, Lost: 2, Duplicate: 3, Disorder: 4, Late: 5, Undecided: 2}
	c := &result.Cell{ByOperation: []result.ByOperation{
		{Op: "echo", Event: "echo"},
		{Op: "say", Event: "chat:say", Ledger: l, Unexpected: 7},
		{Op: "room", Event: "talk"},
		{Op: "room", Event: "typing", Volatile: true},
	}}
	want := [][]string{
		{"say", "10", "20", "11", "2", "3", "4", "5", "2", "7"},
		{"room talk", "0", "0", "0", "0", "0", "0", "0", "0", "0"},
		{"room typing (volatile)", "0", "0", "0", "0", "0", "0", "0", "0", "0"},
	}
	if got := OperationTable(c); !reflect.DeepEqual(got.Rows, want) {
		t.Errorf("got  %v\nwant %v", got.Rows, want)
	}
	c.ByOperation = c.ByOperation[:2]
	if got := OperationTable(c); len(got.Rows) > 0 {
		t.Errorf("an operation beside echoes has the whole ledger, and a table of its own: %v", got.Rows)
	}
}
