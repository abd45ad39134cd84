package frame

import (
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

// The head of a frame comes first in all forms that a websocket takes.
func TestBehind(t *testing.T) {
	p := engineio.Packet{Type: engineio.Open, Data: []byte("{}")}
	f := Behind([]byte("HTTP/1.1 101\r\n\r\n"), p)
	if got, want := f.Head(), len(f.Wire())-len(Packet(p).Wire()); got != want || Packet(p).Head() != 0 {
		t.Errorf("a head of %d bytes, want %d, and none where there is none", got, want)
	}
	for _, form := range []Form{0, Revision3, Base64, Deflated, Revision3 | Base64} {
		if got, want := string(f.In(form)), "HTTP/1.1 101\r\n\r\n"+string(Packet(p).In(form)); got != want {
			t.Errorf("form %d: %q, want %q", form, got, want)
		}
	}
}
