//go:build !race

package frame

import (
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestAllocations(t *testing.T) {
	var b Builder
	var f *Frame
	data := make([]byte, 300)
	attachments := [][]byte{data, data}
	for _, c := range []struct {
		what string
		want float64
		do   func()
	}{
		{"build", 2, func() { f = b.Frame(append(b.Text(), data...), nil, false) }},
		{"build with attachments", 2, func() { f = b.Frame(append(b.Text(), data...), attachments, false) }},
		{"packet", 2, func() { f = Packet(engineio.Packet{Type: engineio.Ping}) }},
		{"payload of text", 2, func() { f = b.Frame(append(b.Text(), data...), nil, false); f.Payload() }},
		{"alone", 0, func() { f.Alone() }},
		{"parts", 0, func() {
			for range f.Parts {
				data[0]++
			}
		}},
	} {
		if got := testing.AllocsPerRun(100, c.do); got > c.want {
			t.Errorf("%s: %v allocations, want at most %v", c.what, got, c.want)
		}
	}
}
