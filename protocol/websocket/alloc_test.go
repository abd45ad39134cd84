//go:build !race

package websocket

import "testing"

// What scales with frames does not allocate.
func TestAllocations(t *testing.T) {
	h := Header{Opcode: Text, Final: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: 300}
	buf := make([]byte, 0, 512)
	wire := append(h.Append(nil), make([]byte, 300)...)
	rules := Rules{Masked: true, MaxPayload: 300}
	var m Message
	closing := AppendClose(nil, CodeNormal, "bye")
	for what, do := range map[string]func(){
		"append":     func() { buf = h.Append(buf[:0]) },
		"parse":      func() { ParseHeader(wire) },
		"next":       func() { _, _, _ = rules.Next(wire) },
		"not whole":  func() { _, _, _ = rules.Next(wire[:20]) },
		"message":    func() { _, _ = m.Add(h, MaxFragments) },
		"close":      func() { buf = AppendClose(buf[:0], CodeNormal, "bye") },
		"closed":     func() { _, _, _ = ParseClose(closing) },
		"mask again": func() { Mask(wire[h.Size():], h.Key) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
