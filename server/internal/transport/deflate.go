package transport

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/frame"
)

const deflateName = websocket.Deflate // in this package websocket is also the name of the connections' package

// offersDeflate reports whether a client offers a compression of messages that is spoken here: each
// message by itself, with the largest window (RFC 7692, section 7.1). The other parameters of the
// offer do not matter.
func offersDeflate(ctx *fasthttp.RequestCtx) bool {
	for _, header := range ctx.Request.Header.PeekAll("Sec-WebSocket-Extensions") {
		for offer := range strings.SplitSeq(string(header), ",") {
			if acceptable(offer) {
				return true
			}
		}
	}
	return false
}

func acceptable(offer string) bool {
	name, rest, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != deflateName {
		return false
	}
	for param := range strings.SplitSeq(rest, ";") {
		key, value, given := strings.Cut(strings.TrimSpace(param), "=")
		switch key {
		case "client_max_window_bits":
			bits, err := strconv.Atoi(strings.Trim(value, `"`))
			if given && (err != nil || bits < 8 || bits > 15) {
				return false
			}
		case "server_no_context_takeover", "client_no_context_takeover":
			if given {
				return false
			}
		case "":
			if rest != "" {
				return false
			}
		default: // server_max_window_bits among them: the window is as it is
			return false
		}
	}
	return true
}

// coding returns the coding for the answers to a client that sends this Accept-Encoding: of those
// it takes the one that compresses best, "" if it takes none.
func coding(accepts []byte) string {
	for _, one := range []string{"gzip", "deflate"} {
		if acceptsCoding(accepts, one) {
			return one
		}
	}
	return ""
}

// compresses reports whether the body of an answer should be compressed, for a client that takes
// it.
func (e *Engine) compresses(body []byte, frames []*frame.Frame) bool {
	return e.cfg.Compress > 0 && len(body) >= e.cfg.Compress && slices.ContainsFunc(frames, (*frame.Frame).Compressible)
}

// compress returns body in a coding. The level suits a body that is made once for one client.
func compress(coding string, body []byte) []byte {
	if coding == "gzip" {
		return fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestSpeed)
	}
	return fasthttp.AppendDeflateBytesLevel(nil, body, fasthttp.CompressBestSpeed)
}

// acceptsCoding reports whether an Accept-Encoding header names a coding, or all of them, and does
// not rule it out (RFC 9110, section 12.5.3).
func acceptsCoding(header []byte, name string) bool {
	any := false
	for one := range bytes.SplitSeq(header, []byte{','}) {
		coding, weight, _ := strings.Cut(string(one), ";")
		coding = strings.TrimSpace(coding)
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		wanted := err != nil || q > 0 // what cannot be read is no weight
		switch {
		case strings.EqualFold(coding, name):
			return wanted
		case coding == "*":
			any = wanted
		}
	}
	return any
}
