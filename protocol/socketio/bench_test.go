package socketio

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

var benchSizes = []int{128, 1024, 16384, 262144}

// benchPayloads are JSON values of about size bytes: one long string, which is what relayed data
// often is, and records with much structure.
func benchPayloads(size int) map[string]string {
	const record = `{"id":12345,"name":"somebody","pos":[12.5,-7.25,0],"ok":true,"tags":["a","b"],"note":null}`
	return map[string]string{
		"text":    `{"$b":"0123456789abcdef0123456789abcdef","p":"` + strings.Repeat("x", max(0, size-47)) + `"}`,
		"records": "[" + strings.Repeat(record+",", max(1, size/len(record))-1) + record + "]",
		"unicode": `"` + strings.Repeat("h\u00e9llo \u4e16\u754c ", max(1, size/14)) + `"`,
	}
}

func eachPayload(b *testing.B, f func(b *testing.B, payload string)) {
	b.Helper()
	for _, size := range benchSizes {
		for _, kind := range []string{"text", "records", "unicode"} {
			b.Run(fmt.Sprintf("json=%s/payload=%d", kind, size), func(b *testing.B) {
				payload := benchPayloads(size)[kind]
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				f(b, payload)
			})
		}
	}
}

// BenchmarkValid compares the scanner with encoding/json: benchstat -col /by.
func BenchmarkValid(b *testing.B) {
	for by, valid := range map[string]func([]byte) bool{"throng": validJSON, "std": json.Valid} {
		b.Run("by="+by, func(b *testing.B) {
			eachPayload(b, func(b *testing.B, payload string) {
				b.Helper()
				text := []byte(payload)
				for b.Loop() {
					if !valid(text) {
						b.Fatal("not valid")
					}
				}
			})
		})
	}
}

func BenchmarkParseEvent(b *testing.B) {
	eachPayload(b, func(b *testing.B, payload string) {
		b.Helper()
		text := []byte(`2/chat,12["message",` + payload + `]`)
		var p Packet
		for b.Loop() {
			if err := p.Parse(text); err != nil {
				b.Fatal(err)
			}
			if _, _, err := SplitEvent(p.Data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNextArg(b *testing.B) {
	eachPayload(b, func(b *testing.B, payload string) {
		b.Helper()
		args := []byte(payload + `,1,"x"`)
		for b.Loop() {
			n := 0
			for arg, rest := NextArg(args); arg != nil; arg, rest = NextArg(rest) {
				n++
			}
			if n != 3 {
				b.Fatal(n)
			}
		}
	})
}

func BenchmarkAppendEvent(b *testing.B) {
	eachPayload(b, func(b *testing.B, payload string) {
		b.Helper()
		for name, arg := range map[string]any{"raw": json.RawMessage(payload), "string": payload} {
			b.Run("arg="+name, func(b *testing.B) {
				args := []any{arg}
				var dst []byte
				var err error
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					if dst, _, err = AppendEvent(dst[:0], "/", 0, false, "message", args...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkAppendValue compares the encoder with encoding/json on a struct.
func BenchmarkAppendValue(b *testing.B) {
	v := &struct {
		ID   int       `json:"id"`
		Name string    `json:"name"`
		Pos  []float64 `json:"pos"`
		Tags []string  `json:"tags"`
	}{12345, "somebody", []float64{12.5, -7.25, 0}, []string{"a", "b"}}
	b.Run("by=throng", func(b *testing.B) {
		args := []any{v}
		var dst []byte
		var err error
		b.ReportAllocs()
		for b.Loop() {
			if dst, _, err = AppendArgs(dst[:0], nil, args...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=std", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeBinary(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			text := []byte(`51-["message",{"_placeholder":true,"num":0}]`)
			data := make([]byte, size)
			var d Decoder
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Text(text); err != nil {
					b.Fatal(err)
				}
				if p, err := d.Binary(data); p == nil || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
