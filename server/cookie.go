package server

import (
	"strconv"
	"strings"
	"time"
)

// Cookie is the session cookie; see Options.Cookie. It is set by the first answer of a session that
// begins with polling.
type Cookie struct {
	Name   string // default "io"
	Path   string // default "/"
	Domain string // default: the host that was asked
	// MaxAge is how long it stays, in whole seconds. Default: as long as the browser runs.
	MaxAge time.Duration
	// SameSite is "lax", "strict" or "none"; the last needs Secure. Default "lax".
	SameSite string
	Secure   bool // sent over TLS only
	// Readable lets scripts of pages read it. Default: they cannot (HttpOnly).
	Readable bool
}

// check refuses what would be read as something else than it is: a semicolon in a path begins
// another attribute (CVE-2024-47764).
func (c *Cookie) check() error {
	for _, r := range c.Name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r) {
			return refuse("Cookie.Name", "%q is no cookie name; use letters, digits, dashes and underscores", c.Name)
		}
	}
	for name, value := range map[string]string{"Path": c.Path, "Domain": c.Domain} {
		for _, r := range value {
			if r <= ' ' || r >= 0x7f || r == ';' || r == ',' {
				return refuse("Cookie."+name, "%q holds %q, which would end it", value, r)
			}
		}
	}
	switch {
	case c.Path != "" && c.Path[0] != '/':
		return refuse("Cookie.Path", "%q does not begin with a slash", c.Path)
	case c.MaxAge != 0 && c.MaxAge < time.Second: // a cookie of 0 seconds is one to delete
		return refuse("Cookie.MaxAge", "is %v; use 0 or at least a second, as in 3600 * time.Second", c.MaxAge)
	}
	switch strings.ToLower(c.SameSite) {
	case "", "lax", "strict":
		return nil
	case "none":
		if !c.Secure {
			return refuse("Cookie.SameSite", "%q needs Secure, or browsers drop the cookie", c.SameSite)
		}
		return nil
	}
	return refuse("Cookie.SameSite", "%q is unknown; use lax, strict or none", c.SameSite)
}

// name returns the name, "" for no cookie at all.
func (c *Cookie) name() string {
	switch {
	case c == nil:
		return ""
	case c.Name == "":
		return "io"
	}
	return c.Name
}

// attributes returns what follows the value.
func (c *Cookie) attributes() string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	if c.MaxAge > 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	if c.Domain != "" {
		b.WriteString("; Domain=" + c.Domain)
	}
	path := c.Path
	setDefault(&path, "/")
	b.WriteString("; Path=" + path)
	if !c.Readable {
		b.WriteString("; HttpOnly")
	}
	if c.Secure {
		b.WriteString("; Secure")
	}
	switch strings.ToLower(c.SameSite) {
	case "strict":
		b.WriteString("; SameSite=Strict")
	case "none":
		b.WriteString("; SameSite=None")
	default:
		b.WriteString("; SameSite=Lax")
	}
	return b.String()
}
