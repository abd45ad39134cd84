package websocket

import (
	"fmt"
	"testing"
)

var sizes = []int{32, 128, 4096, 65536}

func BenchmarkMask(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data, key := make([]byte, size), [4]byte{0x37, 0xfa, 0x21, 0x3d}
			b.SetBytes(int64(size))
			for b.Loop() {
				Mask(data, key)
			}
		})
	}
}

// BenchmarkMaskByByte is what Mask is compared with: section 5.3 as it is written.
func BenchmarkMaskByByte(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data, key := make([]byte, size), [4]byte{0x37, 0xfa, 0x21, 0x3d}
			b.SetBytes(int64(size))
			for b.Loop() {
				for i := range data {
					data[i] ^= key[i%4]
				}
			}
		})
	}
}

func BenchmarkHeaderAppend(b *testing.B) {
	for _, size := range []uint64{32, 4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			buf := make([]byte, 0, MaxHeader)
			b.ReportAllocs()
			for b.Loop() {
				buf = Header{Opcode: Text, Final: true, Length: size}.Append(buf[:0])
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, size := range []int{32, 120, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			wire := Header{Opcode: Text, Final: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: uint64(size)}.Append(nil)
			wire = append(wire, make([]byte, size)...)
			rules := Rules{Masked: true, MaxPayload: size}
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := rules.Next(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
