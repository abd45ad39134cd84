package client

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/protocol/socketio"
)

// TestJoiningIsReported: Config.Joining sees each CONNECT and its answer, as JSON whatever the
// parser.
func TestJoiningIsReported(t *testing.T) {
	msgpack := func(namespace, data string) string {
		b, err := socketio.MessagePack.AppendConnect(nil, namespace, json.RawMessage(data))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, test := range []struct {
		name    string
		parser  socketio.Parser
		answers string
		refused bool
	}{
		{"json", socketio.JSON, text(`40{"sid":"a"}`) + text(`40/chat,{"sid":"b"}`), false},
		{"refused", socketio.JSON, text(`40{"sid":"a"}`) + text(`44/chat,{"message":"no"}`), true},
		{"answered twice", socketio.JSON, text(`40{"sid":"a"}`) + text(`40{"sid":"again"}`) + text(`40/chat,{"sid":"b"}`), false},
		{"answered twice, and refused", socketio.JSON, text(`40{"sid":"a"}`) + text(`40{"sid":"again"}`) + text(`44/chat,{"message":"no"}`), true},
		{"msgpack", socketio.MessagePack, frame(0x82, msgpack("/", `{"sid":"a"}`)) + frame(0x82, msgpack("/chat", `{"sid":"b"}`)), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := listen(t, func(p *peer) {
				req, _ := p.request()
				p.switchTo(req)
				p.put(text(open(25000, 20000, "")) + test.answers)
				p.slurp()
			})
			var got []string
			c, err := Dial(t.Context(), &Config{
				URL: url, Namespace: "/", More: []string{"/chat"}, Parser: test.parser, Auth: json.RawMessage(`{"token":"t"}`),
				Joining: func(h Handshake) {
					got = append(got, fmt.Sprintf("%v %v %s %s", h.Sent, h.Refused, h.Namespace, h.Data))
				},
			})
			if (err != nil) != test.refused {
				t.Fatal(err)
			}
			if c != nil {
				_ = c.Close()
				_ = c.Run(newHeard())
			}
			want := []string{`true false / {"token":"t"}`, `true false /chat {"token":"t"}`, `false false / {"sid":"a"}`, `false false /chat {"sid":"b"}`}
			if test.refused {
				want[3] = `false true /chat {"message":"no"}`
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
