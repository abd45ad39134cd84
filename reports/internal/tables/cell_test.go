package tables

import (
	"reflect"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
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

// A p99 of the lag takes a thousand messages.
func TestLagTakesSamples(t *testing.T) {
	for _, tt := range []struct {
		lag  *result.Latency
		want string
	}{{nil, "4 ms"}, {&result.Latency{N: 999}, layout.None}, {&result.Latency{N: 1000}, "4 ms"}} {
		c := &result.Cell{Generator: result.Generator{LagP99us: 4000, Lag: tt.lag}}
		if got := strings.ReplaceAll(ShowLagP99(c), layout.Nbsp, " "); got != tt.want {
			t.Errorf("%+v is shown as %s, want %s", tt.lag, got, tt.want)
		}
	}
}
