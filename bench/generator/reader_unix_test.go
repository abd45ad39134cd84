//go:build unix

package main

import "testing"

func TestFrameSize(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want int
	}{
		{nil, 0},
		{[]byte{0x81}, 0},
		{[]byte{0x81, 126, 1}, 0},
		{[]byte{0x81, 3, 'a'}, 5},
		{[]byte{0x81, 3, 'a', 'b', 'c'}, 5},
		{[]byte{0x81, 125, 0, 0}, 127},
		{[]byte{0x81, 126, 1, 2}, 4 + 258},
	} {
		if got := frameSize(c.b); got != c.want {
			t.Errorf("frameSize(%v) = %d, want %d", c.b, got, c.want)
		}
	}
}
