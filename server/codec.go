package server

import (
	"errors"

	"github.com/throng-io/throng/protocol/socketio"
)

// Codec is a wire format of the application's own: what the parser option of the official server
// and client is. Clients must speak the same, since nothing negotiates it. Within the server
// packets have the form of Socket.IO protocol 5, a text and the binary attachments that it refers
// to; a codec translates between that and the one message in which a packet travels. A broadcast is
// translated once for all of its receivers.
//
// Methods are called by several goroutines at once. A panic of Decode closes the connection; a
// packet for which Encode panics is not sent.
type Codec interface {
	// Encode returns the message of a packet, text or binary. It may change packet, and return it;
	// the attachments are not its own. The result belongs to the server. Text must be UTF-8, and
	// must not hold U+001E, which separates packets on polling.
	Encode(packet []byte, attachments [][]byte) (message []byte, binary bool)
	// Decode returns the packet of a message from a client. Both may share memory with data, which
	// is valid until the packet has been handled. The result is checked like any client's packet;
	// an error closes the connection.
	Decode(data []byte, binary bool) (packet []byte, attachments [][]byte, err error)
}

var errAttachments = errors.New("codec: attachments are too few or too many for the packet")

// encodeByCodec translates a packet into the codec's format. It returns false if that panics.
func (s *Server) encodeByCodec(packet []byte, attachments [][]byte) (message []byte, binary, ok bool) {
	err := s.guard(func() { message, binary = s.opts.Codec.Encode(packet, attachments) })
	return message, binary, err == nil
}

// decodeByCodec decodes a message in the codec's format: a whole packet, or an error.
func (c *conn) decodeByCodec(d *socketio.Decoder, data []byte, binary bool) (p *socketio.Packet, err error) {
	var packet []byte
	var attachments [][]byte
	var failed error
	err = c.server.guard(func() { packet, attachments, failed = c.server.opts.Codec.Decode(data, binary) })
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	p, err = d.Text(packet)
	for _, a := range attachments {
		if err != nil {
			return nil, err
		}
		if p != nil {
			return nil, errAttachments
		}
		p, err = d.Binary(a)
	}
	if err == nil && p == nil {
		err = errAttachments
	}
	return p, err
}
