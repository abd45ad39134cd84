package client

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	ws "github.com/throng-io/throng/protocol/websocket"
)

// deflateOffer is what a client offers that compresses. Its own messages are compressed each by
// itself, which every server can read; a server may keep its window from one to the next, and have
// a smaller one for the client's, as with browsers.
const deflateOffer = "\r\nSec-WebSocket-Extensions: " + ws.Deflate + "; client_max_window_bits"

// How large a window may be, as the exponent of 2 (RFC 7692, section 7.1.2). A message that fits
// into a window never reaches beyond it.
const (
	minWindowBits = 8
	maxWindowBits = 15
)

// deflate is the compression of one websocket that both sides agreed on (RFC 7692).
type deflate struct {
	keeps    bool    // the server's messages refer to those before
	most     int     // bytes of a message of the client's; longer ones are not compressed
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
	d := &deflate{keeps: true, most: math.MaxInt}
	for param := range strings.SplitSeq(rest, ";") {
		switch key, value, _ := strings.Cut(strings.TrimSpace(param), "="); key {
		case "client_max_window_bits":
			bits, ok := number([]byte(strings.Trim(value, `"`)), 10)
			if !ok || bits < minWindowBits || bits > maxWindowBits {
				return protocolError(fmt.Sprintf("websocket handshake: the server chose %q for the compression; a window has 8 to 15 bits", param))
			}
			if bits < maxWindowBits {
				d.most = 1 << bits
			}
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
		d.keep(*d.inflated)
	}
	return *d.inflated, nil
}

// keep notes a message that later ones may refer to. Its length does not stay in memory: a client
// may be one of many that were sent a long one.
func (d *deflate) keep(message []byte) {
	message = message[max(0, len(message)-ws.Window):]
	if len(d.window)+len(message) > 2*ws.Window {
		rest := d.window[len(d.window)-(ws.Window-len(message)):]
		d.window = d.window[:copy(d.window, rest)]
	}
	d.window = append(d.window, message...)
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
