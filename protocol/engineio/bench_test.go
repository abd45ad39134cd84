package engineio_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

var benchSizes = []int{128, 4096, 65536}

func BenchmarkParse(b *testing.B) {
	for _, size := range benchSizes {
		text := engineio.Packet{Type: engineio.Message, Data: bytes.Repeat([]byte("x"), size)}.AppendText(nil)
		binary := engineio.Packet{Type: engineio.Message, Binary: true, Data: bytes.Repeat([]byte("x"), size)}.AppendText(nil)
		for name, in := range map[string][]byte{"text": text, "base64": binary} {
			b.Run(fmt.Sprintf("form=%s/payload=%d", name, size), func(b *testing.B) {
				scratch := make([]byte, len(in))
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					copy(scratch, in) // base64 is decoded over its text
					if _, err := engineio.Parse(scratch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkPayload(b *testing.B) {
	for _, packets := range []int{1, 16, 256} {
		var body []byte
		for range packets {
			body = engineio.AppendPayload(body, engineio.Packet{Type: engineio.Message, Data: bytes.Repeat([]byte("x"), 128)})
		}
		b.Run(fmt.Sprintf("packets=%d", packets), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				p := engineio.NewPayload(body)
				for p.Next() {
				}
				if p.Err() != nil {
					b.Fatal(p.Err())
				}
			}
		})
	}
}

func BenchmarkAppendPayload(b *testing.B) {
	for _, size := range benchSizes {
		for _, binary := range []bool{false, true} {
			b.Run(fmt.Sprintf("binary=%v/payload=%d", binary, size), func(b *testing.B) {
				p := engineio.Packet{Type: engineio.Message, Binary: binary, Data: bytes.Repeat([]byte("x"), size)}
				var dst []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					dst = engineio.AppendPayload(dst[:0], p)
				}
			})
		}
	}
}
