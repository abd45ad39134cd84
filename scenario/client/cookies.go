package client

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// A Jar holds the cookies of one simulated client by the rules of RFC 6265: domain, path, Secure
// and lifetime. It lives longer than a connection: with the same Config.Jar, a client comes back
// with the cookies that it had, such as the cookie by which a balancer finds its node. As an
// http.CookieJar it serves HTTP requests beside the connection, too. Like the jars of browsers it
// is bounded: it keeps cookies of 180 names, and none of more than 4096 bytes. The zero Jar is
// empty. Safe for concurrent use.
type Jar struct {
	mu      sync.Mutex
	jar     *cookiejar.Jar // nil: no cookie was ever set
	names   []string       // of the cookies so far
	changes uint64
	timed   bool // some cookie has a lifetime
}

// Limits of a jar.
const (
	maxCookies = 180  // names
	maxCookie  = 4096 // bytes of a name and its value
)

// admits reports whether a cookie is within the limits, and notes its name.
func (j *Jar) admits(c *http.Cookie) bool {
	switch {
	case len(c.Name)+len(c.Value) > maxCookie:
		return false
	case slices.Contains(j.names, c.Name):
		return true
	case len(j.names) == maxCookies:
		return false
	}
	j.names = append(j.names, c.Name)
	return true
}

// SetCookies keeps the cookies of an answer to a request for u; an http or https URL. The Jar keeps
// none of the cookies themselves.
func (j *Jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	if len(cookies) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	cookies = slices.DeleteFunc(slices.Clone(cookies), func(c *http.Cookie) bool { return !j.admits(c) })
	if len(cookies) == 0 {
		return
	}
	if j.jar == nil {
		// it never fails
		j.jar, _ = cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	}
	j.jar.SetCookies(u, cookies)
	j.changes++
	for _, c := range cookies {
		j.timed = j.timed || c.MaxAge != 0 || !c.Expires.IsZero()
	}
}

// Cookies returns the cookies for a request to u, an http or https URL; the caller owns them.
func (j *Jar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.jar == nil {
		return nil
	}
	return j.jar.Cookies(u)
}

// state returns how often the jar has changed, and whether cookies may end without a change.
func (j *Jar) state() (changes uint64, timed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changes, j.timed
}

// cookieField is the value of the Cookie field of a client's requests. It is put together again
// when the jar has changed: a polling client makes a request for every few messages.
type cookieField struct {
	jar *Jar
	url *url.URL // of the requests
	// the caller's Cookie field; its cookies replace cookies of the same name in the jar
	own string

	mu    sync.Mutex // the requests of polling are written by two goroutines
	value string
	as    uint64 // the changes of the jar that value has
}

// get returns the value for the next request; "" = no field.
func (f *cookieField) get() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	changes, timed := f.jar.state()
	if changes == 0 {
		return f.own
	}
	if changes == f.as && !timed {
		return f.value
	}
	var b strings.Builder
	b.WriteString(f.own)
	for _, c := range f.jar.Cookies(f.url) {
		if hasCookie(f.own, c.Name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.String())
	}
	f.value, f.as = b.String(), changes
	return f.value
}

// add appends to the caller's cookies.
func (f *cookieField) add(pairs string) {
	if f.own != "" {
		f.own += "; "
	}
	f.own += pairs
}

// take keeps the cookies of an answer, whatever its status.
func (f *cookieField) take(fields []byte) {
	var cookies []*http.Cookie
	for value := range fieldsNamed(fields, "Set-Cookie") {
		// a browser ignores others, too
		if c, err := http.ParseSetCookie(string(value)); err == nil {
			cookies = append(cookies, c)
		}
	}
	f.jar.SetCookies(f.url, cookies)
}

func hasCookie(cookie, name string) bool {
	for pair := range strings.SplitSeq(cookie, ";") {
		if strings.HasPrefix(strings.TrimSpace(pair), name+"=") {
			return true
		}
	}
	return false
}
