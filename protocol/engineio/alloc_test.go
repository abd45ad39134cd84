//go:build !race

package engineio_test

import (
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestAllocs(t *testing.T) {
	text := []byte(`42["message",{"a":1}]`)
	encoded := []byte("bAQIDBAUGBwg=")
	body := []byte("4hello\x1e2\x1ebAQIDBA==\x1e4world")
	body3 := []byte("6:4hello1:210:b4AQIDBA==2:4\u20ac")
	form := []byte("d=6%3A4hello%5C%5Cn")
	frames := []byte("\x064hello\x84\x01\x02\x03\x04")
	scratch := make([]byte, 0, 256)
	packets := 0
	for name, f := range map[string]func(){
		"Parse": func() {
			if p, err := engineio.Parse(text); err != nil || len(p.Data) != len(text)-1 {
				t.Error(err)
			}
		},
		"Parse base64": func() {
			scratch = append(scratch[:0], encoded...)
			if p, err := engineio.Parse(scratch); err != nil || len(p.Data) != 8 {
				t.Error(err)
			}
		},
		"Payload": func() {
			scratch = append(scratch[:0], body...)
			p := engineio.NewPayload(scratch)
			for packets = 0; p.Next(); packets++ {
			}
			if packets != 4 || p.Err() != nil {
				t.Error(packets, p.Err())
			}
		},
		"PayloadV3": func() {
			scratch = append(scratch[:0], body3...)
			p := engineio.NewPayloadV3(scratch, false)
			for packets = 0; p.Next(); packets++ {
			}
			if packets != 4 || p.Err() != nil {
				t.Error(packets, p.Err())
			}
		},
		"PayloadV3 of length zero": func() {
			scratch = append(scratch[:0], "0:0:0:0:0:0:0:1:2"...)
			p := engineio.NewPayloadV3(scratch, false)
			if !p.Next() || p.Next() {
				t.Error(p.Err())
			}
		},
		"AppendPayloadV3": func() {
			q := engineio.Packet{Type: engineio.Message, Binary: true, Data: text}
			scratch = engineio.AppendPayloadV3(scratch[:0], engineio.Packet{Type: engineio.Message, Data: text})
			scratch = engineio.AppendPayloadV3(scratch, q)
			scratch = engineio.AppendBinaryPayloadV3(scratch, q)
		},
		"JSONP": func() {
			scratch = append(scratch[:0], form...)
			if b, err := engineio.ParseJSONP(scratch); err != nil || len(b) != 10 {
				t.Error(len(b), err)
			}
			scratch = engineio.AppendJSONP(scratch[:0], "0", body3)
		},
		"ParseFrame": func() {
			packets = 0
			for rest := frames; len(rest) > 0; packets++ {
				_, n, err := engineio.ParseFrame(rest, 1000)
				if n == 0 || err != nil {
					t.Error(n, err)
					return
				}
				rest = rest[n:]
			}
			scratch = engineio.AppendFrame(scratch[:0], engineio.Packet{Type: engineio.Message, Data: text})
		},
		"AppendPayload": func() {
			scratch = engineio.AppendPayload(scratch[:0], engineio.Packet{Type: engineio.Message, Data: text})
			scratch = engineio.AppendPayload(scratch, engineio.Packet{Type: engineio.Message, Binary: true, Data: text})
		},
		"Handshake": func() {
			scratch = engineio.Handshake{SID: "abc"}.AppendJSON(scratch[:0])
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
