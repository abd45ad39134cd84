package server

import (
	"slices"
	"strings"
	"time"
)

// CORS says which pages of other origins may read a server's answers. Those of origins that it does
// not name may not open websockets either, see Options.CheckOrigin.
type CORS struct {
	// Origins that are allowed. ["*"] allows every one. A single origin is named in every answer;
	// of several, the answer names the origin of the request if it is among them.
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
	if c.MaxAge < 0 {
		return refuse("CORS.MaxAge", "is %v; it must not be negative", c.MaxAge)
	}
	return nil
}
