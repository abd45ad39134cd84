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
