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

// BenchmarkPayloadV3 has the cheapest packets to send as well, of which a body holds most: the time
// per byte must not grow with their number.
func BenchmarkPayloadV3(b *testing.B) {
	for name, packet := range map[string]engineio.Packet{
		"ascii":   {Type: engineio.Message, Data: bytes.Repeat([]byte("x"), 128)},
		"unicode": {Type: engineio.Message, Data: bytes.Repeat([]byte("\u20ac"), 43)},
		"binary":  {Type: engineio.Message, Binary: true, Data: bytes.Repeat([]byte("x"), 128)},
		"tiny":    {Type: engineio.Message, Data: []byte("\u00bc")},
	} {
		for _, packets := range []int{1, 256, 65536} {
			for _, binary := range []bool{false, true} {
				var body []byte
				for range packets {
					if binary {
						body = engineio.AppendBinaryPayloadV3(body, packet)
					} else {
						body = engineio.AppendPayloadV3(body, packet)
					}
				}
				b.Run(fmt.Sprintf("packet=%s/packets=%d/binary=%v", name, packets, binary), func(b *testing.B) {
					scratch := make([]byte, len(body))
					b.SetBytes(int64(len(body)))
					b.ReportAllocs()
					for b.Loop() {
						copy(scratch, body) // base64 is decoded over its text
						p := engineio.NewPayloadV3(scratch, binary)
						for p.Next() {
						}
						if p.Err() != nil {
							b.Fatal(p.Err())
						}
					}
				})
			}
		}
	}
}

func BenchmarkJSONP(b *testing.B) {
	var body []byte
	for range 16 {
		body = engineio.AppendPayload(body, engineio.Packet{Type: engineio.Message, Data: []byte(`2["message",{"a":1,"b":"text"}]`)})
	}
	var dst []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		dst = engineio.AppendJSONP(dst[:0], "0", body)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			p := engineio.Packet{Type: engineio.Message, Data: bytes.Repeat([]byte("x"), size)}
			var dst []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = engineio.AppendFrame(dst[:0], p)
				if _, n, err := engineio.ParseFrame(dst, 0); n != len(dst) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
