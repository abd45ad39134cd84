package transport

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// CORS has the fields of server.CORS, where they are described: it is converted to this type.
type CORS struct {
	Origins        []string
	Match          func(origin string) bool
	Credentials    bool
	Methods        []string
	AllowedHeaders []string
	ExposedHeaders []string
	MaxAge         time.Duration
}

// Apply sets the headers of an answer.
func (c *CORS) Apply(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	switch {
	case len(c.Origins) == 1 && c.Origins[0] == "*":
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	case len(c.Origins) == 1 && c.Match == nil:
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, c.Origins[0])
		h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	default:
		origin := string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
		if c.Allows(origin) {
			h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
		}
		h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	}
	if c.Credentials {
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, strings.Join(c.ExposedHeaders, ","))
	}
}

// Allows reports whether pages of an origin are allowed. There is no page without one.
func (c *CORS) Allows(origin string) bool {
	return origin != "" && (slices.Contains(c.Origins, origin) || slices.Contains(c.Origins, "*") || c.Match != nil && c.Match(origin))
}

// preflight answers the question that a browser asks before a request it deems unsafe.
func (c *CORS) preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	methods := "GET,HEAD,PUT,PATCH,POST,DELETE"
	if len(c.Methods) > 0 {
		methods = strings.Join(c.Methods, ",")
	}
	h.Set(fasthttp.HeaderAccessControlAllowMethods, methods)
	if c.MaxAge > 0 {
		h.Set(fasthttp.HeaderAccessControlMaxAge, strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	if len(c.AllowedHeaders) > 0 {
		h.Set(fasthttp.HeaderAccessControlAllowHeaders, strings.Join(c.AllowedHeaders, ","))
	} else {
		if asked := ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestHeaders); len(asked) > 0 && printable(asked) {
			h.SetBytesV(fasthttp.HeaderAccessControlAllowHeaders, asked)
		}
		vary := fasthttp.HeaderAccessControlRequestHeaders // also if nothing was asked
		if v := h.Peek(fasthttp.HeaderVary); len(v) > 0 {
			vary = string(v) + ", " + vary
		}
		h.Set(fasthttp.HeaderVary, vary)
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	h.Set(fasthttp.HeaderContentLength, "0")
}

// printable reports whether client input may be echoed into a header, or taken for an origin,
// without splitting the header.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
