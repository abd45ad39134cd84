package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// DefaultPath is the path of Socket.IO servers with default settings.
const DefaultPath = "/socket.io/"

const (
	defaultTimeout        = 20 * time.Second
	defaultUpgradeTimeout = 10 * time.Second
	defaultMaxQueue       = 1 << 20
	defaultMaxMessage     = 16 << 20
)

// target is a Config prepared for use: the data for opening one more connection to the server and
// writing one more request.
type target struct {
	network string      // tcp or unix
	addr    string      // host:port, or the path of a unix socket
	host    string      // value of the Host field
	tls     *tls.Config // nil: plain TCP
	h3      h3          // of WebTransport
	names   *Names      // nil: the system is asked for each connection
	local   netip.Addr
	dial    func(ctx context.Context, d *net.Dialer, address string) (net.Conn, error) // nil: the dialer
	buffer  int                                                                        // bytes of the kernel's receive buffer; 0: its choice
	path    string                                                                     // of the engine
	plain   bool                                                                       // of a baseline
	old     bool                                                                       // revision 3 of Engine.IO
	raw     bool                                                                       // Frames or Events

	subprotocols string // that are offered, with commas between them
	compress     bool   // permessage-deflate is offered
	query        string // "&key=value..." of the caller
	fields       string // header lines of the caller, each with its line end
	cookies      cookieField
}

// newTarget checks cfg.
func newTarget(cfg *Config) (*target, error) {
	t := &target{local: cfg.LocalAddr, dial: cfg.Dial, names: cfg.Names, path: cfg.Path, old: cfg.Engine == Engine3, compress: cfg.Compress}
	if err := t.find(cfg); err != nil {
		return nil, err
	}
	if cfg.Slow != nil {
		t.buffer = cfg.Slow.buffer()
	}
	if t.plain = plainTransport(cfg.Transport); t.plain {
		t.path = plainPath(cfg.Transport)
	}
	if t.raw = cfg.Protocol == Frames || cfg.Protocol == Events; t.raw {
		t.path, t.subprotocols = cmp.Or(t.path, "/"), strings.Join(cfg.Subprotocols, ", ")
	}
	if t.path == "" {
		t.path = DefaultPath
	}
	if t.path[0] != '/' || strings.ContainsAny(t.path, " ?#\r\n") {
		return nil, fmt.Errorf("the Path %q must begin with a slash and hold no query", cfg.Path)
	}
	if len(cfg.Query) > 0 {
		t.query += "&" + cfg.Query.Encode()
	}
	if err := t.header(cfg.Header); err != nil {
		return nil, err
	}
	if t.h3.authority == "" {
		t.h3.authority = t.host
	}
	t.cookies.jar, t.cookies.url = cmp.Or(cfg.Jar, new(Jar)), t.page()
	return t, nil
}

// page is the URL of the engine's requests as the rules of cookies see it.
func (t *target) page() *url.URL {
	u := &url.URL{Scheme: "http", Host: t.host, Path: t.path}
	if t.tls != nil {
		u.Scheme = "https"
	}
	return u
}

// SocketPath returns the path of the unix socket that a URL names: the part after "unix:".
func SocketPath(url string) (path string, ok bool) { return strings.CutPrefix(url, "unix:") }

// find reads where the server is.
func (t *target) find(cfg *Config) error {
	if path, unix := SocketPath(cfg.URL); unix {
		if path == "" || t.local.IsValid() {
			return fmt.Errorf("the URL %q: after unix: there must be a path, and there are no local addresses", cfg.URL)
		}
		if webTransport(cfg.Transport) {
			if cfg.H3 == "" {
				return fmt.Errorf("the URL %q: WebTransport needs a host and a port of UDP", cfg.URL)
			}
			t.h3 = newH3(cfg, &url.URL{}, "")
		}
		t.network, t.addr, t.host = "unix", path, "localhost"
		return nil
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return err
	}
	port := u.Port()
	switch u.Scheme {
	case "http", "ws":
		if port == "" {
			port = "80"
		}
	case "https", "wss":
		if port == "" {
			port = "443"
		}
		t.tls = cfg.Tickets.on(tlsConfig(cfg.TLS, u.Hostname()))
	default:
		return fmt.Errorf("the URL %q: the scheme must be http, https, ws or wss", cfg.URL)
	}
	if u.Hostname() == "" {
		return fmt.Errorf("the URL %q names no host", cfg.URL)
	}
	if u.Path != "" && u.Path != "/" {
		return fmt.Errorf("the URL %q has a path: put the engine's into Path and the namespace into Namespace", cfg.URL)
	}
	t.h3 = newH3(cfg, u, port)
	t.network, t.addr, t.host = "tcp", cmp.Or(cfg.Via, net.JoinHostPort(u.Hostname(), port)), withoutZone(u.Host)
	if query := u.Query(); len(query) > 0 {
		t.query = "&" + query.Encode()
	}
	return nil
}

// withoutZone cuts the zone off an address of IPv6, such as [fe80::1%eth0]:80: it means something
// on this machine alone, and servers refuse it (RFC 6874, section 4).
func withoutZone(host string) string {
	before, zone, _ := strings.Cut(host, "%")
	_, after, scoped := strings.Cut(zone, "]")
	if !scoped {
		return host
	}
	return before + "]" + after
}

// tlsConfig completes the caller's configuration with the server's name. It tells servers of
// several names which one is meant, and is what their sessions are kept by, also where no
// certificate is verified by it: the addresses of a name take turns.
func tlsConfig(cfg *tls.Config, host string) *tls.Config {
	host, _, _ = strings.Cut(host, "%") // the zone of an address
	if cfg == nil {
		return &tls.Config{ServerName: host}
	}
	if cfg.ServerName != "" {
		return cfg
	}
	cfg = cfg.Clone()
	cfg.ServerName = host
	return cfg
}

// header lays out the caller's header fields.
func (t *target) header(fields map[string][]string) error {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, " \t\r\n:") {
			return fmt.Errorf("%q is not a valid Header name", name)
		}
		for _, value := range fields[name] {
			if strings.ContainsAny(value, "\r\n") {
				return fmt.Errorf("the Header value of %s holds a line end", name)
			}
			switch {
			case strings.EqualFold(name, "Host"):
				t.host = value
			case strings.EqualFold(name, "Cookie"):
				t.cookies.add(value)
			case slices.ContainsFunc(ownFields, func(own string) bool { return strings.EqualFold(own, name) }):
				return fmt.Errorf("the Header %s is set by the client itself", name)
			default:
				b.WriteString(name + ": " + value + "\r\n")
			}
		}
	}
	t.fields = b.String()
	return nil
}

// ownFields are the header fields that a caller may not set: they decide
// about the framing or the handshake.
var ownFields = []string{
	"Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Accept-Encoding",
	"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions",
}

// appendRequest appends a request's head up to the caller's header fields; the
// caller of appendRequest adds its own and the empty line. The buster, if
// any, keeps caches from answering.
func (t *target) appendRequest(dst []byte, method, transport, sid string, buster []byte) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, t.path...)
	switch {
	case t.plain && sid != "":
		dst = append(append(dst, "?sid="...), url.QueryEscape(sid)...)
	case (t.plain || t.raw) && t.query != "":
		dst = append(append(dst, '?'), t.query[1:]...)
	case t.plain, t.raw:
	default:
		revision := "?EIO=4&transport="
		if t.old {
			revision = "?EIO=3&transport="
		}
		dst = append(dst, revision...)
		dst = append(dst, transport...)
		if sid != "" {
			dst = append(dst, "&sid="...)
			dst = append(dst, url.QueryEscape(sid)...) // servers may choose any text
		}
	}
	if len(buster) > 0 && !t.plain && !t.raw {
		dst = append(dst, "&t="...)
		dst = append(dst, buster...)
	}
	if !t.plain && !t.raw || sid != "" {
		dst = append(dst, t.query...)
	}
	return t.appendFields(append(dst, " HTTP/1.1\r\n"...))
}

// appendFields appends the header fields that every request has.
func (t *target) appendFields(dst []byte) []byte {
	dst = append(dst, "Host: "...)
	dst = append(dst, t.host...)
	dst = append(dst, "\r\n"...)
	dst = append(dst, t.fields...)
	if cookies := t.cookies.get(); cookies != "" {
		dst = append(dst, "Cookie: "...)
		dst = append(dst, cookies...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// check validates the fields that do not concern the target.
func (cfg *Config) check() error {
	if err := cfg.checkProtocol(); err != nil {
		return err
	}
	switch cfg.Transport {
	case "", WebSocket, Polling, Upgrade:
	case WebTransport, UpgradeWebTransport:
		if err := cfg.checkWebTransport(); err != nil {
			return err
		}
	case PlainWebSocket, SSE, ShortPolling:
		if cfg.Namespace != "" && cfg.Namespace != "/" || len(cfg.More) > 0 || cfg.Parser != socketio.JSON || len(cfg.Auth) > 0 {
			return fmt.Errorf("the Transport %s has no namespace, parser or auth", cfg.Transport)
		}
	default:
		return fmt.Errorf("the Transport %q must be %s, %s, %s, %s or %s", cfg.Transport, WebSocket, WebTransport, Polling, Upgrade, UpgradeWebTransport)
	}
	switch cfg.Engine {
	case 0, Engine4:
	case Engine3:
		if plainTransport(cfg.Transport) || cfg.Parser != socketio.JSON || len(cfg.Auth) > 0 || cfg.Recover.PID != "" {
			return errors.New("the Engine 3 has no baselines, other parsers, auth or recovery")
		}
	default:
		return fmt.Errorf("the Engine %d must be 3 or 4", cfg.Engine)
	}
	if err := cfg.checkNamespaces(); err != nil {
		return err
	}
	if cfg.Timeout < 0 || cfg.UpgradeTimeout < 0 {
		return errors.New("the Timeout and the UpgradeTimeout must not be negative")
	}
	if cfg.MaxQueue < 0 || cfg.MaxMessage < 0 {
		return errors.New("the MaxQueue and the MaxMessage must not be negative")
	}
	return nil
}

func (cfg *Config) checkNamespaces() error {
	if cfg.Namespace == NoNamespace && (len(cfg.More) > 0 || cfg.Parser != socketio.JSON) {
		return errors.New("bare Engine.IO has no further namespaces and no parser")
	}
	for i, name := range append([]string{cfg.Namespace}, cfg.More...) {
		if i == 0 && (name == "" || name == NoNamespace) {
			continue
		}
		if name == "" || name[0] != '/' || strings.Contains(name, ",") {
			return fmt.Errorf("the Namespace %q must begin with a slash and hold no comma", name)
		}
	}
	return nil
}
