package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// The benchmarks hold this package against msgpack/v5, which has the work of the values but not
// that of the packet: benchstat -col /by.

// eachMsgpack runs f with an event for each payload of eachPayload.
func eachMsgpack(b *testing.B, f func(b *testing.B, packet []byte)) {
	b.Helper()
	eachPayload(b, func(b *testing.B, payload string) {
		b.Helper()
		packet, _, err := MessagePack.AppendEvent(nil, "/chat", 12, true, "message", json.RawMessage(payload))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(packet)))
		f(b, packet)
	})
}

// BenchmarkParseMessagePack checks a whole packet and finds its arguments, which the library can do
// by decoding or by skipping it.
func BenchmarkParseMessagePack(b *testing.B) {
	b.Run("by=throng", func(b *testing.B) {
		eachMsgpack(b, func(b *testing.B, packet []byte) {
			b.Helper()
			var p Packet
			for b.Loop() {
				if err := p.ParseMessagePack(packet); err != nil {
					b.Fatal(err)
				}
				if _, _, err := MessagePack.SplitEvent(p.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("by=skip", func(b *testing.B) {
		eachMsgpack(b, func(b *testing.B, packet []byte) {
			b.Helper()
			r := bytes.NewReader(packet)
			d := msgpack.NewDecoder(r)
			for b.Loop() {
				r.Reset(packet)
				d.Reset(r)
				if err := d.Skip(); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("by=unmarshal", func(b *testing.B) {
		eachMsgpack(b, func(b *testing.B, packet []byte) {
			b.Helper()
			for b.Loop() {
				var v struct {
					Type int                  `msgpack:"type"`
					Nsp  string               `msgpack:"nsp"`
					ID   *uint64              `msgpack:"id"`
					Data []msgpack.RawMessage `msgpack:"data"`
				}
				if err := msgpack.Unmarshal(packet, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkMessagePackAny decodes arguments into values of type any.
func BenchmarkMessagePackAny(b *testing.B) {
	for by, decode := range map[string]func(b []byte, v *any) error{
		"throng":  func(b []byte, v *any) error { return MessagePack.Bind(b, nil, v) },
		"library": func(b []byte, v *any) error { return msgpack.Unmarshal(b, v) },
	} {
		b.Run("by="+by, func(b *testing.B) {
			eachPayload(b, func(b *testing.B, payload string) {
				b.Helper()
				arg, err := appendMsgpackArgs(nil, []any{json.RawMessage(payload)})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					var v any
					if err := decode(arg, &v); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

type benchRecord struct {
	ID   int       `json:"id" msgpack:"id"`
	Name string    `json:"name" msgpack:"name"`
	Pos  []float64 `json:"pos" msgpack:"pos"`
	Tags []string  `json:"tags" msgpack:"tags"`
}

var benchValue = benchRecord{12345, "somebody", []float64{12.5, -7.25, 0.1}, []string{"a", "b"}}

func BenchmarkMessagePackStruct(b *testing.B) {
	packed := make([]byte, 0, 256)
	packed, err := appendMsgpackArgs(packed, []any{benchValue})
	if err != nil {
		b.Fatal(err)
	}
	for by, decode := range map[string]func([]byte, *benchRecord) error{
		"throng":  func(b []byte, v *benchRecord) error { return MessagePack.Bind(b, nil, v) },
		"library": func(b []byte, v *benchRecord) error { return msgpack.Unmarshal(b, v) },
	} {
		b.Run("do=decode/by="+by, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v benchRecord
				if err := decode(packed, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	args := []any{&benchValue}
	b.Run("do=encode/by=throng", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if packed, err = appendMsgpackArgs(packed[:0], args); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("do=encode/by=library", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		e := msgpack.NewEncoder(&buf)
		for b.Loop() {
			buf.Reset()
			e.Reset(&buf)
			e.UseCompactInts(true)
			if err := e.Encode(&benchValue); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAppendMessagePack encodes an event whose argument is JSON, as a relay between parsers
// does, or a string.
func BenchmarkAppendMessagePack(b *testing.B) {
	eachPayload(b, func(b *testing.B, payload string) {
		b.Helper()
		for name, arg := range map[string]any{"json": json.RawMessage(payload), "string": payload, "binary": []byte(payload)} {
			b.Run("arg="+name, func(b *testing.B) {
				args := []any{arg}
				var dst []byte
				var err error
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					if dst, _, err = MessagePack.AppendEvent(dst[:0], "/", 0, false, "message", args...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkMessagePackDepth has the most work per byte: the time must grow with the bytes, not with
// what they announce.
func BenchmarkMessagePackDepth(b *testing.B) {
	for _, depth := range []int{1, 16, 128, 1024} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			packet := nestedPacket(depth, 0x90)
			d := Decoder{Parser: MessagePack, MaxDepth: maxDepth}
			b.SetBytes(int64(len(packet)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Binary(packet); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
