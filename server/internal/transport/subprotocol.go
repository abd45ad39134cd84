package transport

import (
	"bytes"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

const subprotocolHeader = "Sec-Websocket-Protocol"

// chooseSubprotocol answers the subprotocols that a client offers with one of them: the first of
// Config.Subprotocols among them, or the client's first one if that is empty, as the official
// server does. Without a common one the answer names none, and the client fails the connection (RFC
// 6455, 4.1). It returns false if the offer is malformed.
func (e *Engine) chooseSubprotocol(ctx *fasthttp.RequestCtx) bool {
	values := ctx.Request.Header.PeekAll(subprotocolHeader)
	if len(values) == 0 {
		return true
	}
	var offered []string
	for name := range strings.SplitSeq(string(bytes.Join(values, []byte(","))), ",") {
		name = strings.Trim(name, " \t")
		if !IsToken(name) || slices.Contains(offered, name) {
			return false
		}
		offered = append(offered, name)
	}
	chosen := offered[0]
	if own := e.cfg.Subprotocols; len(own) > 0 {
		i := slices.IndexFunc(own, func(name string) bool { return slices.Contains(offered, name) })
		if i < 0 {
			return true
		}
		chosen = own[i]
	}
	ctx.Response.Header.Set(subprotocolHeader, chosen) // which the library leaves there
	return true
}

// IsToken reports whether s is a token of RFC 9110, 5.6.2.
func IsToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	})
}
