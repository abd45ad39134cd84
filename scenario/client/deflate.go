package client

import (
	"bytes"
	"fmt"
	"strings"

	ws "github.com/throng-io/throng/protocol/websocket"
)

// deflateOffer is what a client offers that compresses. Its own messages are compressed each by
// itself, which every server can read; a server may keep its window from one to the next, as with
// browsers.
const deflateOffer = "\r\nSec-WebSocket-Extensions: " + ws.Deflate

// deflate is the compression of one websocket that both sides agreed on (RFC 7692).
type deflate struct {
	keeps    bool    // the server's messages refer to those before
	window   []byte  // those, at least the last ws.Window bytes
	inflated *[]byte // the message of the last call of next; borrowed
}

// agree takes the server's answer to the offer.
func (w *websocket) agree(answer string, offered bool) error {
	if answer == "" {
		return nil
	}
	name, rest, _ := strings.Cut(answer, ";")
	if !offered || strings.TrimSpace(name) != ws.Deflate || strings.Contains(rest, ",") {
		return protocolError("websocket handshake: the server chose an extension that was not offered")
	}
	d := &deflate{keeps: true}
	for param := range strings.SplitSeq(rest, ";") {
		switch key, _, _ := strings.Cut(strings.TrimSpace(param), "="); key {
		case "server_no_context_takeover":
			d.keeps = false
		case "", "client_no_context_takeover", "server_max_window_bits": // a smaller window is read as the largest is
		default:
			return protocolError(fmt.Sprintf("websocket handshake: the server chose %q for the compression, which was not offered", key))
		}
	}
	w.deflate = d
	return nil
}

// inflate returns what a compressed message is, valid until release.
func (w *websocket) inflate(message []byte) ([]byte, error) {
	d := w.deflate
	d.inflated = scratchPool.Get().(*[]byte)
	buf := bytes.NewBuffer((*d.inflated)[:0])
	err := ws.Inflate(buf, message, d.window, w.limit)
	*d.inflated = buf.Bytes()
	switch {
	case err == ws.ErrInflated: //nolint:errorlint // it is never wrapped
		return nil, w.violation(&ws.Error{Code: ws.CodeTooBig, Text: err.Error()})
	case err != nil:
		return nil, w.violation(&ws.Error{Code: ws.CodeInvalidData, Text: "message that is not compressed as it should be: " + err.Error()})
	}
	if d.keeps {
		if d.window = append(d.window, *d.inflated...); len(d.window) > 2*ws.Window {
			d.window = append(d.window[:0], d.window[len(d.window)-ws.Window:]...)
		}
	}
	return *d.inflated, nil
}

// release gives the message of inflate back.
func (d *deflate) release() {
	if d.inflated != nil {
		putScratch(d.inflated)
		d.inflated = nil
	}
}

// Uncompressed reports whether the client has a websocket whose messages are not compressed: it did
// not offer that, or the server did not take the offer.
func (c *Client) Uncompressed() bool { return c.ws != nil && c.ws.quic == nil && c.ws.deflate == nil }
