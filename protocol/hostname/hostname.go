// Package hostname judges the Host of HTTP requests.
//
// A web page can have its own name point at any address, that of this machine included, and then
// reads the answers of what listens there as if they were its own (DNS rebinding). The Host of its
// requests reveals it: it is the name of the page.
package hostname

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Refusal is the answer, with the status 421, to a request for another host.
const Refusal = "this server does not answer to that host name\n"

// Loopback reports whether a Host, with or without port, names the loopback interface: localhost, a
// name below it, or an address.
func Loopback(host string) bool {
	name := bare(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true // reserved names (RFC 6761), which no page from elsewhere has
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// Allowed reports whether a Host, with or without port, is one of names or names the loopback
// interface.
func Allowed(host string, names []string) bool {
	name := bare(host)
	return Loopback(host) || name != "" && slices.ContainsFunc(names, func(n string) bool { return bare(n) == name })
}

// Check refuses names that no request has as its Host, such as a URL or a pattern.
func Check(names []string) error {
	for _, n := range names {
		name := bare(n)
		if strings.ContainsAny(n, "/*@?# ") || strings.HasPrefix(n, ".") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
			return fmt.Errorf("%q is no name of a host; write one such as chat.example.com, or an address, without http:// and *", n)
		}
	}
	return nil
}

// Guard refuses the requests that come to the loopback interface under another name.
func Guard(h http.Handler, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && local.IP.IsLoopback() && !Allowed(r.Host, names) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.Error(w, strings.TrimSuffix(Refusal, "\n"), http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// bare returns a host in lower case without port, brackets, and the dot at the end of a full name.
func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inside, bracketed := strings.CutPrefix(host, "["); bracketed {
		host = strings.TrimSuffix(inside, "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
