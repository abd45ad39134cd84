package scenario

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
)

// What findStamp says of a message.
type stampState int

const (
	noStamp  stampState = iota // nothing under "$b": not one of ours
	badStamp                   // something is there, but it is damaged
	okStamp
)

// A finder finds the stamps in what a server sends. It does not change, so goroutines may share it.
type finder struct {
	parser socketio.Parser // of the arguments
	at     *file.Path      // where the server's contract puts the stamp; nil: under "$b", wherever that is
}

// find reads the stamp of an event or an acknowledgement: of its arguments, or of its first attachment
// when it has any.
func (f *finder) find(args []byte, attachments [][]byte) (stamp, stampState) {
	switch {
	case len(attachments) > 0:
		return findBinary(attachments[0])
	case f.parser == socketio.JSON && f.at == nil:
		return findStamp(args)
	case f.parser == socketio.JSON:
		return findAt(args, f.at)
	case f.at == nil:
		return findPacked(args)
	}
	text, err := f.parser.AppendJSON(nil, args)
	if err != nil {
		return stamp{}, noStamp
	}
	return findAt(text, f.at)
}

// findStamp reads the stamp out of the raw arguments of an event without
// decoding them: first where this runner's own payload has it, then wherever a server that
// rewrote the JSON left the key.
func findStamp(args []byte) (s stamp, state stampState) {
	if bytes.HasPrefix(args, stampHead) {
		args = args[len(stampHead):]
	} else {
		i := bytes.Index(args, stampKey)
		if i < 0 {
			return s, noStamp
		}
		args = args[i+len(stampKey):]
	}
	if len(args) <= stampText || args[stampText] != '"' {
		return s, badStamp
	}
	return readStamp(args[:stampText])
}

// findAt reads the stamp at the head of the text that a path names. Anything else there is no message
// of ours: the server may send more under the same name.
func findAt(args []byte, at *file.Path) (stamp, stampState) {
	v, found := lookup(args, at)
	if !found || len(v) < 2+stampText || v[0] != '"' {
		return stamp{}, noStamp
	}
	s, state := readStamp(v[1 : 1+stampText])
	if state == badStamp {
		state = noStamp
	}
	return s, state
}

// packedKey comes before a stamp in MessagePack: the key "$b" and the head of a text of 32 bytes.
var packedKey = []byte("\xa2$b\xd9\x20")

// findPacked reads the stamp out of arguments in MessagePack: a text under "$b", or the head of
// binary data.
func findPacked(args []byte) (stamp, stampState) {
	if i := bytes.Index(args, packedKey); i >= 0 {
		text := args[i+len(packedKey):]
		if len(text) < stampText {
			return stamp{}, badStamp
		}
		return readStamp(text[:stampText])
	}
	if n := packedBinary(args); n > 0 {
		return findBinary(args[n:])
	}
	return stamp{}, noStamp
}

// packedBinary returns the length of the head of a binary value, 0 when it is none.
func packedBinary(b []byte) int {
	if len(b) == 0 || b[0] < 0xc4 || b[0] > 0xc6 {
		return 0
	}
	return 2 + 1<<(b[0]-0xc4) - 1 // bin 8, 16, 32: one byte, and 1, 2 or 4 of length
}

// findBinary reads the stamp at the head of a binary payload.
func findBinary(b []byte) (stamp, stampState) {
	if len(b) < stampBytes {
		return stamp{}, noStamp
	}
	s, state := unpackStamp((*[stampBytes]byte)(b))
	if state != okStamp {
		return s, noStamp // somebody else's bytes, or ours damaged: there is no telling
	}
	return s, state
}

// readStamp reads a stamp's text, which is that long.
func readStamp(text []byte) (s stamp, state stampState) {
	var b [stampBytes]byte
	if n, err := base64.RawURLEncoding.Decode(b[:], text); err != nil || n != stampBytes {
		return s, badStamp
	}
	return unpackStamp(&b)
}

func unpackStamp(b *[stampBytes]byte) (s stamp, state stampState) {
	if binary.BigEndian.Uint16(b[22:]) != stampCheck(b) {
		return s, badStamp
	}
	s.run = binary.BigEndian.Uint32(b[0:])
	s.stream = binary.BigEndian.Uint16(b[4:])
	s.sender = binary.BigEndian.Uint32(b[6:])
	s.seq = binary.BigEndian.Uint32(b[10:])
	s.due = int64(binary.BigEndian.Uint64(b[14:]))
	return s, okStamp
}
