package server

import (
	"slices"
	"strings"
	"time"
)

// CORS says which pages of other origins may read a server's answers. Those of origins that it does
// not name may not open websockets either, see Options.CheckOrigin.
type CORS struct {
	// Origins that are allowed, as browsers write them: scheme, host, and port unless it is the
	// scheme's own, such as "https://app.example.com". ["*"] allows every one. A single origin is
	// named in every answer; of several, the answer names the origin of the request if it is among
	// them.
	Origins []string
	// Match, if set, decides on the origins that Origins does not name. It is called by several
	// goroutines at once.
	Match func(origin string) bool
	// Credentials allows cookies and authorization headers. It cannot be combined with "*".
	Credentials bool
	// Methods that the answer to a preflight request names. Default "GET,HEAD,PUT,
	// PATCH,POST,DELETE".
	Methods []string
	// AllowedHeaders that pages may send. Default: the headers that the browser asks for.
	AllowedHeaders []string
	// ExposedHeaders of answers that pages may read, beside the usual ones.
	ExposedHeaders []string
	// MaxAge is for how long browsers need not ask again, in whole seconds. Default: nothing is
	// said, and they have a default of their own.
	MaxAge time.Duration
}

// check refuses what would let any page act for its visitor, and what is no header.
func (c *CORS) check() error {
	if c == nil {
		return nil
	}
	if c.Credentials && slices.Contains(c.Origins, "*") {
		return refuse("CORS.Credentials", `with the origin "*" would let any page act for its visitor; name the origins instead`)
	}
	for _, list := range []struct {
		name, of string
		words    []string
	}{
		{"Origins", "origin", c.Origins},
		{"Methods", "method", c.Methods},
		{"AllowedHeaders", "header name", c.AllowedHeaders},
		{"ExposedHeaders", "header name", c.ExposedHeaders},
	} {
		for _, word := range list.words {
			if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r == ',' || r >= 0x7f }) {
				return refuse("CORS."+list.name, "holds %q, which is not one %s", word, list.of)
			}
		}
	}
	for _, origin := range c.Origins {
		if problem := originProblem(origin); problem != "" {
			return refuse("CORS.Origins", "holds %q, %s", origin, problem)
		}
	}
	if c.MaxAge != 0 && c.MaxAge < time.Second {
		return refuse("CORS.MaxAge", "is %v; use 0 or at least a second, as in 600 * time.Second", c.MaxAge)
	}
	return nil
}

// originProblem says why no page has an origin, and what to do, or "".
func originProblem(origin string) string {
	if origin == "*" || origin == "null" {
		return ""
	}
	scheme, host, found := strings.Cut(origin, "://")
	_, port, _ := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":")
	switch {
	case strings.Contains(origin, "*"):
		return "which is a pattern; name the origins, or decide by CORS.Match"
	case !found || scheme == "":
		return "which has no scheme; write it as https://example.com"
	case strings.ContainsAny(host, "/?#@"):
		return "which has more than a scheme, a host and a port; leave out the rest"
	case scheme == "https" && port == "443", scheme == "http" && port == "80":
		return "with the port of its scheme, which browsers leave out; leave it out"
	case strings.ToLower(origin) != origin:
		return "with capital letters, which browsers write small; write them small"
	}
	return ""
}
