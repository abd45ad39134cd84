package scenario

import (
	"bytes"
	"sync"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// How messages look on the wire where it is not JSON text in the main namespace: other
// namespaces, binary payloads, MessagePack, bare Engine.IO.

// parserOf returns the parser of a file's name.
func parserOf(name string) socketio.Parser {
	if name == socketio.MessagePack.String() {
		return socketio.MessagePack
	}
	return socketio.JSON
}

// headOf begins every event packet to a namespace.
func headOf(kind, namespace string) []byte {
	head := []byte(kind)
	if namespace != "" && namespace != "/" && namespace != file.NoNamespace {
		head = append(append(head, namespace...), ',')
	}
	return head
}

// transmit sends a packet, in the group's parser.
func (a *actor) transmit(packet []byte, attachments ...[]byte) error {
	return a.group.transmit(a.conn, packet, attachments...)
}

func (g *group) transmit(to sender, packet []byte, attachments ...[]byte) error {
	if g.frames != nil {
		return transmitFrame(to, packet, attachments)
	}
	if g.parser == socketio.MessagePack {
		return transmitPacked(to, packet, attachments)
	}
	if len(attachments) > 0 {
		return to.SendBinary(packet, attachments...)
	}
	return to.Send(packet)
}

// packs hold one packet of MessagePack each, as a list, which a call through an interface would
// have to make anew.
var packs = sync.Pool{New: func() any { return new([1][]byte) }}

// transmitPacked sends an event packet, which is put together as JSON, in MessagePack.
func transmitPacked(to sender, packet []byte, attachments [][]byte) error {
	list := packs.Get().(*[1][]byte)
	defer packs.Put(list)
	packed, err := socketio.AppendRepacked(list[0][:0], packet, attachments...)
	if err != nil {
		return err
	}
	list[0] = packed
	return to.SendBinary(nil, list[:]...)
}

// send sends a message of the stream.
func (s *stream) send(a *actor, packet []byte, o *plan.Op, seq uint32) error {
	switch {
	case s.spec.Binary:
	case s.direct:
		return a.toPeers(bytes.TrimPrefix(packet, s.head), false)
	default:
		return a.transmit(packet)
	}
	st := stamp.Stamp{Run: s.t.id, Stream: uint16(s.index), Sender: a.id, Seq: seq, Due: o.Due}
	raw := st.Bytes()
	size := max(s.fill.size, stamp.Size)
	if cap(s.blobs[0]) < size {
		s.blobs[0] = make([]byte, size)
	}
	s.blobs[0] = s.blobs[0][:size]
	copy(s.blobs[0], raw[:])
	if s.direct {
		return a.toPeers(s.blobs[0], true)
	}
	if s.group.bare() || s.group.frames != nil {
		return a.conn.SendBinary(nil, s.blobs[:]...)
	}
	return a.transmit(packet, s.blobs[:]...)
}

func (g *group) bare() bool { return g.spec.Namespace == file.NoNamespace }

// placeholder stands in JSON where the attachment belongs.
const placeholder = `{"_placeholder":true,"num":0}`
