package transport

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

const deflateName = "permessage-deflate"

// offersDeflate reports whether a client offers a compression of messages that
// is spoken here: each message by itself, with the largest window (RFC 7692,
// section 7.1). What else is offered, and how, does not matter.
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

// compressBody compresses the answer to a poll, if the client takes that.
func compressBody(ctx *fasthttp.RequestCtx, body []byte) {
	h := &ctx.Response.Header
	buf := newBuffer()
	defer freeBuffer(&buf)
	// In the order of how well they compress; the level is that of a body that is
	// made once for one client.
	switch accepts := ctx.Request.Header.Peek(fasthttp.HeaderAcceptEncoding); {
	case acceptsCoding(accepts, "gzip"):
		h.Set(fasthttp.HeaderContentEncoding, "gzip")
		ctx.Response.SetBody(fasthttp.AppendGzipBytesLevel(buf.AvailableBuffer(), body, fasthttp.CompressBestSpeed))
	case acceptsCoding(accepts, "deflate"):
		h.Set(fasthttp.HeaderContentEncoding, "deflate")
		ctx.Response.SetBody(fasthttp.AppendDeflateBytesLevel(buf.AvailableBuffer(), body, fasthttp.CompressBestSpeed))
	default:
		ctx.Response.SetBody(body)
	}
}

// acceptsCoding reports whether an Accept-Encoding header names a coding, or all
// of them, and does not rule it out (RFC 9110, section 12.5.3).
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
