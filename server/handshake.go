package server

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Handshake tells how a client connected: what its first request said. It never
// changes and may be used by several goroutines.
type Handshake struct {
	Time    time.Time // when
	Address string    // of the client, without port
	Secure  bool      // over TLS
	Path    string    // of the request, without query

	// Kept as they came, in one piece each: maps of them would be most of what
	// an idle connection takes.
	query, header string
}

func newHandshake(ctx *fasthttp.RequestCtx) *Handshake {
	h := &Handshake{
		Time: time.Now(), Secure: ctx.IsTLS(), Path: string(ctx.Path()),
		query: string(ctx.URI().QueryString()), header: string(ctx.Request.Header.RawHeaders()),
	}
	address := ctx.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	h.Address = address
	return h
}

// Query returns the last value of a query parameter, "" if there is none.
func (h *Handshake) Query(name string) string {
	values, _ := url.ParseQuery(h.query) // of a malformed query, what can be read
	if all := values[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// Header returns the value of a request header, "" if there is none. Names are
// compared without regard to case.
func (h *Handshake) Header(name string) string {
	for line := range strings.Lines(h.header) {
		key, value, found := strings.Cut(line, ":")
		if found && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// URL returns the path and the query of the request.
func (h *Handshake) URL() string {
	if h.query == "" {
		return h.Path
	}
	return h.Path + "?" + h.query
}

// Queries returns all query parameters, each with its last value. The map is
// the caller's.
func (h *Handshake) Queries() map[string]string {
	values, _ := url.ParseQuery(h.query) // of a malformed query, what can be read
	all := make(map[string]string, len(values))
	for name, v := range values {
		all[name] = v[len(v)-1]
	}
	return all
}

// Headers returns all request headers by their names in lower case; the values
// of a repeated one are joined by ", ". The map is the caller's.
func (h *Handshake) Headers() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(h.header) {
		key, value, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		key, value = strings.ToLower(key), strings.TrimSpace(value)
		if earlier, again := all[key]; again {
			value = earlier + ", " + value
		}
		all[key] = value
	}
	return all
}
