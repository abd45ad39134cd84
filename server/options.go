package server

import (
	"crypto/rand"
	"encoding/base64"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/transport"
)

// Options configures a Server. The zero value is a server with the defaults of
// the official one.
type Options struct {
	// Path under which the server answers. Default "/socket.io/". A request
	// belongs to the server if its path begins with it.
	Path string
	// NoTrailingSlash lets requests for Path without the slash at its end belong to
	// the server as well, which is what clients with addTrailingSlash: false send.
	NoTrailingSlash bool
	// Transports that clients may use, of "polling" and "websocket". Default
	// both.
	Transports []string
	// Subprotocols that websockets may speak, the preferred one first: the answer to a
	// client that offers some (the option protocols of the official client) names the
	// first of these that it offers. A client fails the connection if there is none.
	// Default: the first one that the client offers, whatever it is.
	Subprotocols []string
	// NoUpgrades keeps clients that began with polling there.
	NoUpgrades bool
	// AllowEIO3 serves clients of Socket.IO 2, which speak Engine.IO 3, beside
	// those of 3 and 4: in the same namespaces and rooms. They join the main
	// namespace without asking, and cannot come back (Recovery). The ids of their
	// sockets hold the id of their session, with which it can be taken over: do not
	// show them to other clients. Default: they are refused.
	AllowEIO3 bool
	// AllowJSONP serves polls of script elements, which browsers without cross-origin
	// requests need. A page of any site can make them, and read the answers: CORS and
	// CheckOrigin see only what the browser tells of its address. AllowEIO3 includes it.
	// Default: they are refused.
	AllowJSONP bool
	// Hosts are the names and addresses, without ports, under which clients reach the
	// server; a request for another Host is answered with HTTP 421. Those of the loopback
	// interface are always among them. It keeps out pages that have their own name point
	// at the server (DNS rebinding), for which the server's address is no secret and
	// their origin is its own. A proxy in front sends the name that it was reached by, or
	// its own. Default: any.
	Hosts []string
	// HealthPath is a path at which load balancers ask whether to send clients here: GET,
	// HEAD and OPTIONS are answered with HTTP 200, and with 503 while the server shuts
	// down. Hosts do not matter, since a check may send none. Default: none.
	HealthPath string
	// Client holds the files of the official browser client: the folder dist of
	// the npm package socket.io-client, as os.DirFS or embedded. They are read
	// once, and served under Path, so that pages can load
	// /socket.io/socket.io.js. Default: none.
	Client fs.FS
	// Other answers the requests that are not under Path: the pages of a site, for
	// a server that is alone at its address. Default: 404.
	Other fasthttp.RequestHandler
	// CORS says which pages of other origins may read the answers. Default: no
	// header at all, so none.
	CORS *CORS
	// CheckOrigin refuses websockets of pages from elsewhere: a browser opens
	// them for every page, with the cookies of the visitor. Allowed are the
	// origins that CORS names, pages of the server's own host (as the Host header
	// tells it), and clients that are no browsers and send no Origin. When CORS
	// names origins, the check is made in any case.
	CheckOrigin bool
	// Cookie, if set, is a cookie with the Engine.IO session id, for load balancers
	// that keep a session at one node. Default: none.
	Cookie *Cookie
	// Headers adds headers to the answer to each request of a session, and to the
	// one that opens it (first), before the server sets its own: with
	// ctx.Response.Header. It must reject line ends in what it takes from clients.
	Headers func(ctx *fasthttp.RequestCtx, first bool)
	// OnConnectionError is told each request that is refused with an error of
	// Engine.IO. The server counts them in any case, see Stats.
	OnConnectionError func(*ConnectionError)
	// AllowRequest decides on each handshake, before anything is allocated for
	// it: a returned error refuses it, and its text is the answer (HTTP 403).
	AllowRequest func(*fasthttp.RequestCtx) error

	// PerMessageDeflate compresses the messages on websockets of clients that ask
	// for it (RFC 7692, without context takeover). A broadcast is compressed once,
	// not for each receiver. Default: off, as there is little to gain for short
	// messages, and processor time to lose.
	PerMessageDeflate bool
	// NoHTTPCompression sends the answers to polls as they are. Default: they are
	// compressed with gzip or deflate for clients that take it.
	NoHTTPCompression bool
	// CompressThreshold is the size in bytes from which messages, or answers to
	// polls, are compressed. Default 1 024.
	CompressThreshold int

	// PingInterval is the time from a client's pong to the server's next ping.
	// Default 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a pong may take. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade may take from the opening of the
	// websocket. Default 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is how long a connection may stay without having joined a
	// namespace. Default 45 s.
	ConnectTimeout time.Duration
	// AttachmentTimeout is how long the attachments of an event may take
	// to arrive, all of them together. Default 60 s.
	AttachmentTimeout time.Duration

	// MessageTimeout is how long a websocket message may take from its first byte
	// to its last. Default 60 s. A request over HTTP, its body included, has 30 s.
	MessageTimeout time.Duration

	// MaxSessions is how many sessions there may be; as many more get the error
	// code 4. Default: no limit but that of the system for open files.
	MaxSessions int
	// MaxPending is how many of them may not have joined a namespace yet.
	// Default 65 536.
	MaxPending int
	// MaxPartial is how many bytes the server holds, for all clients together, of
	// what has not come whole: websocket messages, polling bodies, and events
	// whose attachments are missing. A client that would exceed it is
	// disconnected. Default 256 MiB.
	MaxPartial int
	// MaxHeader is how many bytes a request may have before its body; one that
	// has more is answered with HTTP 431. It holds for Serve; with Handler, it is
	// for the HTTP server around it. Default 8 KiB.
	MaxHeader int

	// MaxPerAddress is how many sessions one address may have, and MaxHandshakes
	// how many it may ask for in a second; as many more get the error code 4. Of
	// IPv6, the clients of one /64 network count together. Default: no limit,
	// since all clients behind one proxy, or in one company, have one address.
	MaxPerAddress int
	MaxHandshakes int

	// MaxPayload is the size limit in bytes of one polling body and of one
	// websocket message. Default 1 000 000.
	MaxPayload int
	// MaxAttachments is how many binary values one event may hold. Default 10.
	MaxAttachments int
	// MaxNamespaces is how many namespaces one connection may join. Default 32.
	MaxNamespaces int
	// MaxDynamic is how many namespaces clients may bring into being through
	// Server.Dynamic. Default 1 024.
	MaxDynamic int
	// Recovery, if set, lets clients whose connection broke come back as the
	// same socket, with what they missed. Default: they join anew.
	Recovery *Recovery

	// CleanupEmptyNamespaces removes a namespace that was made for clients when
	// its last socket has left or been refused. Default: it stays, and counts
	// for MaxDynamic.
	CleanupEmptyNamespaces bool
	// MaxRooms is how many rooms one socket may be in, MaxRoomName how many bytes the name
	// of one may have, and MaxRoomBytes how many the names of all of them together. They
	// hold for every way into a room: Socket.Join, Target.Join of this or another server,
	// the Admin UI, and the rooms of a socket that comes back. Defaults 10 000, 4 KiB and
	// 1 MiB.
	MaxRooms     int
	MaxRoomName  int
	MaxRoomBytes int
	// MaxAcks is how many answers of one socket EmitWithAck may wait for at a
	// time. Default 4 096.
	MaxAcks int
	// QueuePackets and QueueBytes bound what waits for one slow client; one
	// that would exceed them is disconnected with the reason "slow consumer".
	// Defaults 16 384 packets and 4 MiB.
	QueuePackets int
	QueueBytes   int
	// WriteTimeout is how long a client may take next to nothing of what waits for it:
	// neither all of it nor 256 bytes a second; one that does so for longer, by up to
	// a quarter, is disconnected with the reason "slow consumer". Over polling, to take
	// is to poll, and with Serve the answer to a poll must be read in that time as a
	// whole. On a websocket it is what the client's system acknowledges, so that slow
	// readers stay; those systems let a stalled stream go on in steps of a sixteenth of
	// their receive buffer, or of 64 KiB on the loopback interface. Default 60 s.
	WriteTimeout time.Duration

	// Fanout names the strategy that delivers broadcasts: one of naive, serial,
	// writers, sharded, batched. Default batched.
	Fanout string

	// Parser is how packets are encoded; clients must use the same, since nothing
	// negotiates it: socketio.JSON, the default of every client, or
	// socketio.MessagePack, which is socket.io-msgpack-parser in JavaScript.
	Parser socketio.Parser

	// Codec is a format of the application's own instead. Default none.
	Codec Codec

	// Adapter, if set, connects the namespaces of several servers: it is called
	// for each namespace, before that is used, with the adapter that reaches the
	// sockets of this server, and returns the one to be used. It may set handlers of
	// the namespace, such as OnRooms, but must not block nor call the server.
	// Default: the server is alone.
	Adapter func(n *Namespace, local Adapter) Adapter

	// Engine, if set, makes this a bare Engine.IO server: each message of each
	// session goes to the function, one at a time and in order for a session,
	// and there are no namespaces. data is valid during the call. The default
	// Path is "/engine.io/" then.
	Engine func(s *EngineSession, data []byte, binary bool)

	// EngineOpen, if set, is called for each session of a bare Engine.IO server, before its
	// first message: what it sends comes right behind the handshake. EngineClose is called
	// once for each such session that has ended, after its last message, with a reason of
	// OnDisconnect. Like Engine they are called one at a time for a session.
	EngineOpen  func(s *EngineSession, h *Handshake)
	EngineClose func(s *EngineSession, reason string)

	// NewID makes the ids of sessions and sockets. They must be unique, hold
	// nothing but letters, digits, "-" and "_", and be hard to guess: who knows
	// the id of a session can take it over. Default: 120 random bits, as 20
	// characters.
	NewID func() string

	// Logger receives what goes wrong in handlers. A connection has five lines at once and
	// one more every ten seconds, and all together have 100 and ten more a second; the
	// attribute left_out of a line is how many were left out before it. Default
	// slog.Default().
	Logger *slog.Logger
}

// CORS says which pages of other origins may read a server's answers. Those of
// origins that it does not name may not open websockets either, see
// Options.CheckOrigin.
type CORS struct {
	// Origins that are allowed. ["*"] allows every one. One fixed origin is
	// named in every answer; of several, the one that asks is.
	Origins []string
	// Match, if set, decides on the origins that Origins does not name. It is called
	// by several goroutines at once.
	Match func(origin string) bool
	// Credentials allows cookies and authorization headers. It
	// cannot be combined with "*".
	Credentials bool
	// Methods that the answer to a preflight request names. Default "GET,HEAD,PUT,
	// PATCH,POST,DELETE".
	Methods []string
	// AllowedHeaders that pages may send. Default: those that the browser asks for.
	AllowedHeaders []string
	// ExposedHeaders of answers that pages may read, beside the usual ones.
	ExposedHeaders []string
	// MaxAge is for how long browsers need not ask again, in whole seconds. Default:
	// nothing is said, and they have a default of their own.
	MaxAge time.Duration
}

// maxPackets bounds the packets of one polling body: CVE-2020-36048 was a body
// of millions of them. It is far above what official clients send at once,
// which is what they have queued while a request was under way.
const maxPackets = 65536

func (o Options) withDefaults() (Options, error) {
	o, err := o.withProtocol()
	if err != nil {
		return o, err
	}
	recovery := Recovery{}
	if o.Recovery != nil {
		recovery = *o.Recovery
		o.Recovery = &recovery
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		or    time.Duration
	}{
		{"PingInterval", &o.PingInterval, 25 * time.Second},
		{"PingTimeout", &o.PingTimeout, 20 * time.Second},
		{"UpgradeTimeout", &o.UpgradeTimeout, 10 * time.Second},
		{"ConnectTimeout", &o.ConnectTimeout, 45 * time.Second},
		{"AttachmentTimeout", &o.AttachmentTimeout, time.Minute},
		{"MessageTimeout", &o.MessageTimeout, time.Minute},
		{"WriteTimeout", &o.WriteTimeout, time.Minute},
		{"Recovery.MaxDisconnection", &recovery.MaxDisconnection, 2 * time.Minute},
	} {
		if *d.value < 0 {
			return o, refuse(d.name, "is %v; it must not be negative", *d.value)
		}
		setDefault(d.value, d.or)
	}
	for _, n := range []struct {
		name  string
		value *int
		or    int
	}{
		{"CompressThreshold", &o.CompressThreshold, 1024},
		{"MaxPayload", &o.MaxPayload, 1_000_000},
		{"MaxAttachments", &o.MaxAttachments, 10},
		{"MaxNamespaces", &o.MaxNamespaces, 32},
		{"MaxDynamic", &o.MaxDynamic, 1024},
		{"Recovery.MaxBytes", &recovery.MaxBytes, 16 << 20},
		{"Recovery.MaxSockets", &recovery.MaxSockets, 100_000},
		{"MaxSessions", &o.MaxSessions, 0},
		{"MaxPending", &o.MaxPending, 65536},
		{"MaxPartial", &o.MaxPartial, 256 << 20},
		{"MaxHeader", &o.MaxHeader, 8 << 10},
		{"MaxPerAddress", &o.MaxPerAddress, 0},
		{"MaxHandshakes", &o.MaxHandshakes, 0},
		{"MaxRooms", &o.MaxRooms, 10_000},
		{"MaxRoomName", &o.MaxRoomName, 4 << 10},
		{"MaxRoomBytes", &o.MaxRoomBytes, 1 << 20},
		{"MaxAcks", &o.MaxAcks, 4096},
		{"QueuePackets", &o.QueuePackets, 16384},
		{"QueueBytes", &o.QueueBytes, 4 << 20},
	} {
		if *n.value < 0 {
			return o, refuse(n.name, "is %d; it must not be negative", *n.value)
		}
		setDefault(n.value, n.or)
	}
	setDefault(&o.Fanout, "batched")
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

// withProtocol is withDefaults for what a client and the server have to agree on.
func (o Options) withProtocol() (Options, error) {
	setDefault(&o.Path, "/socket.io/")
	if o.Engine != nil && o.Path == "/socket.io/" {
		o.Path = "/engine.io/"
	}
	if !strings.HasPrefix(o.Path, "/") {
		return o, refuse("Path", "%q does not begin with a slash", o.Path)
	}
	if !strings.HasSuffix(o.Path, "/") {
		o.Path += "/"
	}
	if len(o.Transports) == 0 {
		o.Transports = []string{"polling", "websocket"}
	}
	for _, t := range o.Transports {
		if t != "polling" && t != "websocket" {
			return o, refuse("Transports", "names %q, which is unknown; use polling or websocket", t)
		}
	}
	for _, name := range o.Subprotocols {
		if !transport.IsToken(name) {
			return o, refuse("Subprotocols", "names %q, which is no token; use letters, digits and -._~", name)
		}
	}
	if o.HealthPath != "" && (!strings.HasPrefix(o.HealthPath, "/") || strings.HasPrefix(o.HealthPath, o.Path)) {
		return o, refuse("HealthPath", "is %q; it must begin with a slash, and not with the path of the server", o.HealthPath)
	}
	if err := o.CORS.check(); err != nil {
		return o, err
	}
	if o.Parser != socketio.JSON && o.Parser != socketio.MessagePack {
		return o, refuse("Parser", "%v is unknown; use socketio.JSON or socketio.MessagePack", o.Parser)
	}
	if o.Engine == nil && (o.EngineOpen != nil || o.EngineClose != nil) {
		return o, refuse("EngineOpen", "or EngineClose is set, but Engine is not; set it")
	}
	if o.Codec != nil && o.Parser != socketio.JSON {
		return o, refuse("Codec", "and Parser %v exclude each other; leave Parser out", o.Parser)
	}
	if o.Cookie != nil {
		return o, o.Cookie.check()
	}
	return o, nil
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

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Strategies lists the fan-out strategies, the simplest first.
func Strategies() []string { return fanout.Names() }

// secret is the length of what newID returns.
const secret = 20

// newID returns 120 random bits in 20 characters, the length that the official
// server's ids have.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
