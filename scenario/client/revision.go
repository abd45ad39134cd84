package client

import (
	"bytes"
	"strconv"

	"github.com/throng-io/throng/protocol/engineio"
)

// The two revisions of Engine.IO differ in who pings (heartbeat.go), in the bodies of polling and
// the form of binary messages (here), and in CONNECT: a server of revision 3 joins its clients to
// the main namespace by itself (dialing.asked).

// The values of [Config.Engine].
const (
	Engine4 = 4 // Socket.IO 3 and later
	Engine3 = 3 // Socket.IO 2
)

// A payload reads the packets of a polling body in either revision.
type payload struct {
	v4  engineio.Payload
	v3  engineio.PayloadV3
	old bool
}

// payload reads the body of an answer.
func (c *Client) payload(res *response) (p payload) {
	if p.old = c.old; p.old {
		p.v3 = engineio.NewPayloadV3(res.body, bytes.HasPrefix(res.field("Content-Type"), []byte("application/octet-stream")))
	} else {
		p.v4 = engineio.NewPayload(res.body)
	}
	return p
}

func (p *payload) next() bool {
	if p.old {
		return p.v3.Next()
	}
	return p.v4.Next()
}

func (p *payload) packet() engineio.Packet {
	if p.old {
		return p.v3.Packet()
	}
	return p.v4.Packet()
}

func (p *payload) err() error {
	if p.old {
		return p.v3.Err()
	}
	return p.v4.Err()
}

// moreV3 is how much longer a packet can be in a body of revision 3: its length, a colon, and the
// type of a binary message, without the separator.
const moreV3 = 9

// fitV3 returns how many bytes of a queue make a body of at most that length in revision 3: as many
// whole packets as fit, at least one.
func fitV3(queue []byte, most int) int {
	for at, size := 0, 0; ; {
		end := bytes.IndexByte(queue[at:], engineio.Separator)
		if end < 0 {
			end = len(queue) - at
		}
		if size += end + moreV3; size > most && at > 0 {
			return at - 1
		}
		if at += end + 1; at > len(queue) {
			return len(queue)
		}
	}
}

// appendBodyV3 appends a body as the queue holds it, in revision 4, in the textual form of revision
// 3, which every server reads: with binary messages in base64.
func appendBodyV3(dst, body []byte) []byte {
	for len(body) > 0 {
		var one []byte
		one, body, _ = bytes.Cut(body, []byte{engineio.Separator})
		p := engineio.Packet{Type: engineio.Message, Data: one[1:]}
		if one[0] != 'b' {
			p.Type = engineio.Type(one[0] - '0')
			dst = engineio.AppendPayloadV3(dst, p)
			continue
		}
		// Text to the codec, since it is base64 already: b, the type, the rest.
		dst = append(strconv.AppendInt(dst, int64(2+len(p.Data)), 10), ":b4"...)
		dst = append(dst, p.Data...)
	}
	return dst
}

// textHead stands before a packet in a text frame.
func (c *Client) textHead() string {
	if c.raw {
		return ""
	}
	return "4"
}

// binaryHead stands before the data of a binary websocket frame.
func (c *Client) binaryHead() string {
	if c.old {
		return "\x04"
	}
	return ""
}
