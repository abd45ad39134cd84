package transport

import (
	"bytes"
	"encoding/base64"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
)

// This file is about what the library that does the opening handshake of websockets leaves out.

// chunked is the length of a body that comes in chunks.
const chunked = -1

var upgradeToken, websocketToken, comma = []byte("upgrade"), []byte("websocket"), []byte(",")

// AsksForWebSocket reports whether a request is an upgrade to a websocket. The library looks at the
// first line of each header alone, and at nothing behind an empty element of it.
func AsksForWebSocket(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	return hasToken(h.PeekAll(fasthttp.HeaderConnection), upgradeToken) && hasToken(h.PeekAll(fasthttp.HeaderUpgrade), websocketToken)
}

// hasToken reports whether a list has a token, in whichever of its lines (RFC 9110, sections 5.3
// and 5.6.1).
func hasToken(lines [][]byte, token []byte) bool {
	for _, rest := range lines {
		for more := true; more; {
			var one []byte
			if one, rest, more = bytes.Cut(rest, comma); bytes.EqualFold(bytes.TrimSpace(one), token) {
				return true
			}
		}
	}
	return false
}

// version is the version of the websocket protocol that is spoken here (RFC 6455, section 4.4).
const version = "13"

// checkHandshake returns what is wrong with a request for a websocket and the status of the answer,
// or "". Order and words are the official server's (ws 8.21.3, handleUpgrade). The library would
// take every key.
func checkHandshake(ctx *fasthttp.RequestCtx) (problem string, status int) {
	h := &ctx.Request.Header
	switch {
	case !ctx.IsGet():
		return "Invalid HTTP method", fasthttp.StatusMethodNotAllowed
	case !isKey(h.Peek("Sec-WebSocket-Key")):
		return "Missing or invalid Sec-WebSocket-Key header", fasthttp.StatusBadRequest
	case string(h.Peek("Sec-WebSocket-Version")) != version:
		return "Missing or invalid Sec-WebSocket-Version header", fasthttp.StatusBadRequest
	}
	return "", 0
}

// isKey reports whether b is 16 bytes in base64 (RFC 6455, section 4.2.1).
func isKey(b []byte) bool {
	const size, encoded = 16, 24
	var key [encoded]byte
	if len(b) != encoded {
		return false
	}
	n, err := base64.StdEncoding.Decode(key[:], b)
	return err == nil && n == size
}

// refusesHandshake refuses a request for a websocket that is no handshake of one, and returns false
// for any other.
func (e *Engine) refusesHandshake(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	length := h.ContentLength()
	problem, status := checkHandshake(ctx)
	switch {
	case h.ConnectionClose(), length > 0, length == chunked:
		// Beside "upgrade" the HTTP server would do both; and a body would be taken for frames.
		problem, status = "", fasthttp.StatusBadRequest
	case problem != "":
	case !e.chooseSubprotocol(ctx):
		problem, status = "Invalid Sec-WebSocket-Protocol header", fasthttp.StatusBadRequest
	default:
		return false
	}
	e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Message: problem, Context: "TRANSPORT_HANDSHAKE_ERROR"}, true)
	ctx.SetStatusCode(status)
	ctx.Response.Header.Set("Sec-WebSocket-Version", version)
	return true
}
