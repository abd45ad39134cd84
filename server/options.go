package server

import (
	"crypto/rand"
	"encoding/base64"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/transport"
)

// Options configures a Server. The zero value is a server with the defaults of the official one.
//
// The tags are the one place of what they say. New takes each default from its tag, the command
// "throng serve" has a flag for each field with help, and the table of limits in the README is
// checked against them. The flag has the field's name in lower case with dashes: QueueBytes is
// --queue-bytes; its group is the heading in the command's help.
type Options struct {
	// Where the server answers, and what else it serves.

	// Path under which the server answers. Default "/socket.io/", or "/engine.io/" with Engine. A
	// request belongs to the server if its path begins with it.
	Path string `group:"Protocol" help:"path of the server (default \"/socket.io/\", for the engine application \"/engine.io/\")"`
	// NoTrailingSlash also accepts Path without the slash at its end, which clients with
	// addTrailingSlash: false request.
	NoTrailingSlash bool `group:"Protocol" help:"also serve clients that leave out the slash at the end of the path"`
	// HealthPath is a path for the health checks of load balancers: GET, HEAD and OPTIONS are
	// answered with HTTP 200, and with 503 while the server shuts down, whatever their Host header.
	// Default: none.
	HealthPath string
	// Client holds the files of the official browser client: the folder dist of the npm package
	// socket.io-client, as os.DirFS or embedded. They are read once, and served under Path, so that
	// pages can load /socket.io/socket.io.js. Default: none.
	Client fs.FS
	// Other answers the requests that are not under Path, such as requests for the pages of a site.
	// Default: 404.
	Other fasthttp.RequestHandler

	// What clients may speak.

	// Transports that clients may use.
	Transports []string `group:"Protocol" default:"polling,websocket" help:"transports that clients may use"`
	// NoUpgrades keeps clients on polling that began with it.
	NoUpgrades bool `group:"Protocol" help:"keep clients on polling that began with it"`
	// Subprotocols that websockets may speak, the preferred one first. The server selects the first
	// of them that a client offers (the option protocols of the official client), and a client
	// fails the connection if there is none. Default: the first one that the client offers.
	Subprotocols []string `group:"Protocol" help:"websocket subprotocols to select from, the preferred one first (default the first that a client offers)"`
	// AllowEIO3 serves clients of Socket.IO 2, which speak Engine.IO 3, in the same namespaces and
	// rooms as clients of 3 and 4. They join the main namespace without a request, and cannot
	// recover their state (Recovery). The ids of their sockets contain the session id, which allows
	// a takeover of the session: do not show them to other clients. Default: such clients are
	// refused.
	AllowEIO3 bool `group:"Protocol" help:"also serve clients of Socket.IO 2 (Engine.IO 3)"`
	// AllowJSONP serves polls of script elements, which browsers without cross-origin requests
	// need. A page of any site can make them and read the answers: CORS and CheckOrigin only see
	// what the browser says about the page. AllowEIO3 includes it. Default: JSONP is refused.
	AllowJSONP bool `group:"Protocol" help:"let clients poll by script elements, which pages of every site can do (--allow-eio3 includes it)"`
	// Parser encodes packets; clients must use the same one, since it is not negotiated:
	// socketio.JSON, the default of every client, or socketio.MessagePack, which is
	// socket.io-msgpack-parser in JavaScript.
	Parser socketio.Parser `group:"Protocol" help:"encoding of packets: json, or msgpack for clients with socket.io-msgpack-parser"`
	// Codec is a format of the application's own instead of Parser. Default: none.
	Codec Codec

	// Compression.

	// PerMessageDeflate compresses messages on websockets of clients that offer it (RFC 7692,
	// without context takeover). A broadcast is compressed once for all receivers. Default: off,
	// since short messages gain little and cost processor time.
	PerMessageDeflate bool `group:"Protocol" help:"compress messages on websockets of clients that offer it"`
	// NoHTTPCompression leaves the answers to polls uncompressed. Default: they are compressed with
	// gzip or deflate for clients that accept it.
	NoHTTPCompression bool `group:"Protocol" help:"do not compress the answers to polls"`
	// CompressThreshold is the least size in bytes of a message, or of an answer to a poll, that is
	// compressed.
	CompressThreshold int `group:"Protocol" default:"1KiB" help:"least size of a message that is compressed"`

	// Which clients may connect.

	// Hosts are the names and addresses, without ports, under which clients reach the server; a
	// request for another Host is answered with HTTP 421. The addresses of the loopback interface
	// are always allowed. This keeps out pages that point a name of their own at the server (DNS
	// rebinding): for them the server's address is no secret and its origin is their own. A proxy
	// in front sends the name that clients use, or its own. Default: any.
	Hosts []string
	// TrustedProxies are the addresses and networks of the proxies in front of the server, such as
	// "10.0.0.7" and "10.1.0.0/16". Of a request that comes from one of them, or over a unix
	// socket, the address of the client is the last one in X-Forwarded-For that is not of such a
	// proxy; each of them must append there where a request came from. Handshake.Address is that
	// address, and limits by address count it. Handshake.Secure is what such a proxy says in
	// X-Forwarded-Proto, if it does; it must overwrite what clients send there. Default: none, and
	// both are the connection's.
	TrustedProxies []string `group:"Address and access" help:"addresses and networks of the proxies in front, such as 10.0.0.0/8: their X-Forwarded-For says where a client is"`
	// CORS says which pages of other origins may read the answers. Default: none, without any
	// header.
	CORS *CORS
	// CheckOrigin refuses websockets of pages of other origins: a browser opens them for every
	// page, with the cookies of the visitor. Allowed are the origins that CORS names, pages of the
	// server's own host (by the Host header), and clients that are not browsers and send no Origin.
	// When CORS names origins, they are always checked.
	CheckOrigin bool `group:"Address and access" help:"refuse websockets of pages of other origins (with --cors-origin always)"`
	// Cookie, if set, is a cookie with the Engine.IO session id, for load balancers that keep a
	// session at one node. Default: none.
	Cookie *Cookie
	// SessionPrefix is what the ids of sessions begin with, for load balancers that find the node
	// of a request by its parameter sid: 1 to 4 letters, digits, "-" and "_", another one at each
	// node. It stands in the place of the first characters of what NewID makes, six random bits
	// each. Default: none.
	SessionPrefix string `group:"Address and access" help:"what session ids begin with, another at each node, for load balancers that find the node by the parameter sid"`
	// AllowRequest decides on each handshake before anything is allocated for it: an error refuses
	// it, and its text is the answer (HTTP 403).
	AllowRequest func(*fasthttp.RequestCtx) error
	// Headers adds headers to the answer to each request of a session, and to the one that opens it
	// (first), before the server sets its own: with ctx.Response.Header. It must reject line ends
	// in values that clients sent.
	Headers func(ctx *fasthttp.RequestCtx, first bool)
	// OnConnectionError is called for each request that is refused with an error of Engine.IO. The
	// server counts them in any case, see Stats.
	OnConnectionError func(*ConnectionError)

	// Times and Limits bound what clients can take of the server.
	Times  Times  `group:"Times"`
	Limits Limits `group:"Limits"`

	// Messages and namespaces.

	// Fanout names the strategy that delivers broadcasts, one of Strategies.
	Fanout string `group:"What it serves" default:"batched" help:"how broadcasts are delivered"`
	// NoIOUring writes a broadcast by a system call for each receiver. Default: the strategies
	// batched and sharded write to 32 receivers by one, where the kernel has io_uring (Linux 5.6)
	// and allows it: the filters of most container runtimes do not, nor does the setting
	// kernel.io_uring_disabled, and a line of the log says so then. It takes a descriptor and some
	// pages of memory for each processor.
	NoIOUring bool `group:"What it serves" help:"write a broadcast by a system call for each receiver, even if the kernel has io_uring"`
	// Recovery, if set, lets clients that lost their connection come back as the same socket, with
	// the events that they missed. Default: they join anew.
	Recovery *Recovery
	// CleanupEmptyNamespaces removes a namespace that was made for clients when its last socket has
	// left or been refused. Default: it stays, and counts for MaxDynamic.
	CleanupEmptyNamespaces bool `group:"What it serves" help:"remove the namespaces that were made for clients when they are empty"`
	// Adapter, if set, connects the namespaces of several servers. It is called for each namespace
	// before its first use, with the adapter that reaches the sockets of this server, and returns
	// the adapter to use. It may set handlers of the namespace, such as OnRooms, but must not block
	// nor call the server. Default: the server is alone.
	Adapter func(n *Namespace, local Adapter) Adapter

	// Bare Engine.IO.

	// Engine, if set, makes this a bare Engine.IO server without namespaces, for which New refuses
	// the options about them. It is called for each message of each session, one at a time and in
	// order for a session. data is valid during the call.
	Engine func(s *EngineSession, data []byte, binary bool)
	// EngineOpen, if set, is called for each session of a bare Engine.IO server, before its first
	// message: what it sends follows the handshake directly. EngineClose is called once for each
	// such session after its last message, with a reason of OnDisconnect. Like Engine they are
	// called one at a time for a session.
	EngineOpen  func(s *EngineSession, h *Handshake)
	EngineClose func(s *EngineSession, reason string)

	// Identity and logs.

	// NewID makes the ids of sessions and sockets. They must be unique, contain only letters,
	// digits, "-" and "_", and be hard to guess, since the id of a session allows a takeover of it.
	// In place of one that is in use on this server, one of the default is taken. Default: 120
	// random bits, as 20 characters.
	NewID func() string
	// Logger receives the errors of handlers. A connection may write five lines at once and one
	// more every ten seconds, all connections together 100 and ten more a second; the attribute
	// left_out of a line counts the lines that were left out before it. A line whose handler panics
	// is lost, and counted in Stats.HandlerPanics. Default slog.Default().
	Logger *slog.Logger
}

// maxPackets bounds the packets of one polling body: CVE-2020-36048 was a body of millions of them.
// It is far above what official clients send at once, which is what they have queued during one
// request.
const maxPackets = 65536

// WithDefaults returns the options as New uses them: every field that has a default holds it. The
// error is an *OptionError that names a field whose value New refuses.
func (o Options) WithDefaults() (Options, error) {
	if o.Recovery != nil {
		recovery := *o.Recovery
		o.Recovery = &recovery
	}
	if o.Path == "" && o.Engine != nil {
		o.Path = "/engine.io/"
	}
	setDefault(&o.Path, "/socket.io/")
	if err := setDefaults(&o); err != nil {
		return o, err
	}
	if err := o.checkProtocol(); err != nil {
		return o, err
	}
	if !strings.HasSuffix(o.Path, "/") {
		o.Path += "/"
	}
	if !slices.Contains(fanout.Names(), o.Fanout) {
		return o, refuse("Fanout", "%q is unknown; use one of %s", o.Fanout, strings.Join(fanout.Names(), ", "))
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// checkProtocol refuses values on which a client and the server could not agree.
func (o *Options) checkProtocol() error {
	if !strings.HasPrefix(o.Path, "/") {
		return refuse("Path", "%q does not begin with a slash", o.Path)
	}
	if strings.ContainsFunc(o.Path, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '?' || r == '#' }) {
		return refuse("Path", "%q holds what no request has in its path; write such characters encoded, as %%20", o.Path)
	}
	for _, t := range o.Transports {
		switch t {
		case "polling", "websocket":
		case "webtransport":
			return refuse("Transports", "names %q, which has a port of its own; use ServeWebTransport (--webtransport)", t)
		default:
			return refuse("Transports", "names %q, which is unknown; use polling or websocket", t)
		}
	}
	for _, name := range o.Subprotocols {
		if !transport.IsToken(name) {
			return refuse("Subprotocols", "names %q, which is not a token; use letters, digits and -._~", name)
		}
	}
	path := strings.TrimSuffix(o.Path, "/") + "/"
	served := strings.HasPrefix(o.HealthPath, path) || o.NoTrailingSlash && o.HealthPath+"/" == path
	if o.HealthPath != "" && (!strings.HasPrefix(o.HealthPath, "/") || served) {
		return refuse("HealthPath", "is %q; it must begin with a slash, and not with %s, the path of the server; leave it empty for none", o.HealthPath, o.Path)
	}
	if !isSessionPrefix(o.SessionPrefix) {
		return refuse("SessionPrefix", "is %q; use 1 to %d letters, digits, - and _", o.SessionPrefix, maxSessionPrefix)
	}
	if err := hostname.Check(o.Hosts); err != nil {
		return refuse("Hosts", "%v", err)
	}
	if _, err := parseProxies(o.TrustedProxies); err != nil {
		return err
	}
	if err := o.CORS.check(); err != nil {
		return err
	}
	if o.Parser != socketio.JSON && o.Parser != socketio.MessagePack {
		return refuse("Parser", "%v is unknown; use socketio.JSON or socketio.MessagePack", o.Parser)
	}
	if err := o.checkEngine(); err != nil {
		return err
	}
	if o.Codec != nil && o.Parser != socketio.JSON {
		return refuse("Codec", "and Parser %v exclude each other; leave Parser out", o.Parser)
	}
	if o.Cookie != nil {
		return o.Cookie.check()
	}
	return nil
}

// checkEngine refuses options that have no effect with or without Engine.
func (o *Options) checkEngine() error {
	if o.Engine == nil {
		if o.EngineOpen != nil || o.EngineClose != nil {
			return refuse("EngineOpen", "or EngineClose is set, but Engine is not; set it")
		}
		return nil
	}
	for _, one := range []struct {
		option string
		set    bool
	}{
		{"Parser", o.Parser != socketio.JSON},
		{"Codec", o.Codec != nil},
		{"Recovery", o.Recovery != nil},
		{"CleanupEmptyNamespaces", o.CleanupEmptyNamespaces},
		{"Adapter", o.Adapter != nil},
	} {
		if one.set {
			return refuse(one.option, "is about namespaces, which a server of bare Engine.IO does not have; leave it out")
		}
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Strategies lists the fan-out strategies, the simplest first.
func Strategies() []string { return fanout.Names() }

// idLength is the length of what newID returns.
const idLength = 20

// newID returns 120 random bits in 20 characters, the length that the official server's ids have.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// maxSessionPrefix leaves 96 random bits of what newID returns.
const maxSessionPrefix = 4

// newSessionID returns the id of a new session. It has the length of what NewID makes: a client of
// Socket.IO 2 has it as the id of its socket, and adapters know those by their length. If NewID
// panics, or what it made is taken, the id is one of the default.
func (s *Server) newSessionID(taken bool) string {
	var id string
	switch {
	case taken:
		id = s.anotherID()
	case s.guard(func() { id = s.opts.NewID() }) != nil:
		id = newID()
	}
	return s.opts.SessionPrefix + id[min(len(s.opts.SessionPrefix), len(id)):]
}

// anotherID returns an id in place of one that NewID has made, and that is in use: its session
// could be mistaken for the other one.
func (s *Server) anotherID() string {
	s.logs.write(&s.troubled, slog.LevelWarn, "Options.NewID has made an id that is in use; one of the default takes its place")
	return newID()
}

func isSessionPrefix(s string) bool {
	return len(s) <= maxSessionPrefix && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
