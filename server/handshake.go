package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Handshake is what the first request of a client said. It never changes and may be used by several
// goroutines.
type Handshake struct {
	Time    time.Time // when
	Address string    // of the client, without port; see Options.TrustedProxies
	Secure  bool      // over TLS; see Options.TrustedProxies
	Path    string    // of the request, without query

	// Kept as they came, in one piece each, which clients that are alike share: maps of them would
	// be most of what an idle connection takes.
	query, header string
}

// newHandshake reads a request.
func (s *Server) newHandshake(ctx *fasthttp.RequestCtx) *Handshake {
	var scratch [1024]byte
	return &Handshake{
		Time: time.Now(), Secure: s.isSecure(ctx), Path: s.last.path.of(ctx.Path()),
		Address: s.last.address.of(s.appendAddress(scratch[:0], ctx)),
		query:   s.last.query.of(ctx.URI().QueryString()),
		header:  s.last.header.of(appendWithoutKey(scratch[:0], ctx.Request.Header.RawHeaders())),
	}
}

// appendAddress appends the address of a client without its port.
func (s *Server) appendAddress(dst []byte, ctx *fasthttp.RequestCtx) []byte {
	if client := s.clientAddress(ctx); client.IsValid() {
		return client.AppendTo(dst)
	}
	text := ctx.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	return append(dst, text...)
}

// appendWithoutKey appends the lines of a header but for the websocket's key. That differs between
// clients that are otherwise alike, and is of no use after the handshake.
func appendWithoutKey(dst, lines []byte) []byte {
	const name = "sec-websocket-key:"
	for line := range bytes.Lines(lines) {
		if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
			dst = append(dst, line...)
		}
	}
	return dst
}

// lastString shares the strings of handshakes: those of one client are mostly those of the last
// one.
type lastString struct{ s atomic.Pointer[string] }

func (l *lastString) of(b []byte) string {
	if last := l.s.Load(); last != nil && *last == string(b) {
		return *last
	}
	s := string(b)
	l.s.Store(&s)
	return s
}

// Query returns the last value of a query parameter, "" if there is none.
func (h *Handshake) Query(name string) string { return h.Queries()[name] }

// Header returns the value of a request header, "" if there is none. Names are compared without
// regard to case. Sec-WebSocket-Key is not kept.
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

// Queries returns all query parameters, each with its last value. The map is the caller's.
func (h *Handshake) Queries() map[string]string { return parseQuery(h.query) }

// parseQuery returns the parameters of a query, each with its last value. As in the official
// server, only "&" separates them, and a "%" that begins no escape stands for itself: a parameter
// that came must not be missing.
func parseQuery(query string) map[string]string {
	args := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(args)
	args.Parse(strings.ReplaceAll(query, "+", "%20")) // of "5%+" the library would leave the plus
	all := make(map[string]string, args.Len())
	for name, value := range args.All() {
		all[string(name)] = string(value)
	}
	return all
}

// Headers returns all request headers by their names in lower case; the values of a repeated one
// are joined by ", ". The map is the caller's.
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

// handshakeJSON is a Handshake as the official server shows it to clients of its own, such as other
// servers.
type handshakeJSON struct {
	Headers map[string]string `json:"headers"`
	Time    string            `json:"time"`
	Address string            `json:"address"`
	XDomain bool              `json:"xdomain"`
	Secure  bool              `json:"secure"`
	Issued  int64             `json:"issued"`
	URL     string            `json:"url"`
	Query   map[string]string `json:"query"`
}

// MarshalJSON returns the form that servers of a cluster exchange, without the auth payload.
func (h *Handshake) MarshalJSON() ([]byte, error) {
	return json.Marshal(handshakeJSON{
		Headers: h.Headers(), Time: h.Time.Format("Mon Jan 02 2006 15:04:05 GMT-0700"), Address: h.Address,
		XDomain: h.Header("Origin") != "", Secure: h.Secure, Issued: h.Time.UnixMilli(), URL: h.URL(), Query: h.Queries(),
	})
}

// UnmarshalJSON is the reverse of MarshalJSON, up to the order and the case of the headers' names.
func (h *Handshake) UnmarshalJSON(b []byte) error {
	var j handshakeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	path, query, _ := strings.Cut(j.URL, "?")
	*h = Handshake{Time: time.UnixMilli(j.Issued), Address: j.Address, Secure: j.Secure, Path: path, query: query}
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(j.Headers)) {
		lines.WriteString(name + ": " + strings.Map(oneLine, j.Headers[name]) + "\r\n")
	}
	h.header = lines.String()
	return nil
}

// oneLine keeps a value from looking like several headers.
func oneLine(r rune) rune {
	if r == '\r' || r == '\n' {
		return ' '
	}
	return r
}
