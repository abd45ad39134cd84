package transport

import (
	"slices"

	"github.com/valyala/fasthttp"
)

// CORS says which pages of other origins may read the answers. It does not
// protect websockets, which browsers open to any origin.
type CORS struct {
	// Origins that are allowed. ["*"] allows every one. One fixed origin is
	// named in every answer; of several, the one that asks is.
	Origins []string
	// Credentials allows cookies and authorization headers.
	Credentials bool
}

// Apply sets the headers of an answer.
func (c *CORS) Apply(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	switch {
	case len(c.Origins) == 1 && c.Origins[0] == "*":
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	case len(c.Origins) == 1:
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, c.Origins[0])
		h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	default:
		origin := string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
		if slices.Contains(c.Origins, origin) {
			h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
		}
		h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	}
	if c.Credentials {
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
	}
}

// preflight answers the question that a browser asks before a request it deems
// unsafe.
func (c *CORS) preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET,HEAD,PUT,PATCH,POST,DELETE")
	if asked := ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestHeaders); len(asked) > 0 && printable(asked) {
		h.SetBytesV(fasthttp.HeaderAccessControlAllowHeaders, asked)
		vary := fasthttp.HeaderAccessControlRequestHeaders
		if v := h.Peek(fasthttp.HeaderVary); len(v) > 0 {
			vary = string(v) + ", " + vary
		}
		h.Set(fasthttp.HeaderVary, vary)
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	h.Set(fasthttp.HeaderContentLength, "0")
}

// printable reports whether client input may be echoed into a header, or taken
// for an origin, without splitting the header.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
