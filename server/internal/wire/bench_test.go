package wire

import (
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
)

// BenchmarkDecode is what a node does for each message to a room that another node sends.
func BenchmarkDecode(b *testing.B) {
	m := Message{
		Kind: Broadcast, From: "0123456789abcdef", Namespace: "/", Event: "news", To: Audience{Rooms: []string{"room-17"}},
		Args: []byte(`{"p":"0123456789012345678901234567890123456789012345678901234567890123"}`),
	}
	cluster, classic := Cluster{Prefix: "socket.io"}, Classic{Prefix: "socket.io"}
	text := cluster.AppendText(nil, &m)
	m.Args, _, _ = socketio.MessagePack.AppendArgs(nil, nil, map[string]string{"p": "0123456789012345678901234567890123456789012345678901234567890123"})
	m.Parser = socketio.MessagePack
	binary, packed := cluster.AppendBinary(nil, &m), classic.Append(nil, &m)
	for _, c := range []struct {
		form   string
		decode func(*Message) error
	}{
		{"json", func(m *Message) error { return cluster.Message(text, m) }},
		{"msgpack", func(m *Message) error { return cluster.Message(binary, m) }},
		{"classic", func(m *Message) error { return classic.Broadcast(packed, m) }},
	} {
		b.Run("form="+c.form, func(b *testing.B) {
			b.ReportAllocs()
			var m Message
			for b.Loop() {
				if err := c.decode(&m); err != nil || m.Event != "news" {
					b.Fatal(m, err)
				}
			}
		})
	}
}
