package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// The values of [Config.Transport].
const (
	WebSocket = "websocket" // websocket from the first byte
	Polling   = "polling"   // long-polling for the whole session
	Upgrade   = "upgrade"   // polling first, then websocket by the probe dance
	// WebTransport is a session of HTTP/3 from the first byte
	WebTransport = "webtransport"
	// polling first, then WebTransport, if the server offers it
	UpgradeWebTransport = "upgrade-webtransport"
)

// NoNamespace as [Config.Namespace] is bare Engine.IO: the session is open when
// the engine is, and messages are nothing but themselves.
const NoNamespace = "none"

// Config holds the target of a client and the settings of its connection. Only URL is mandatory;
// the zero value of every other field means its default. Dial reads a Config and keeps no reference
// to it, so many clients may share one.
type Config struct {
	// http, https, ws or wss, host and port, or unix: and the path of a socket; a query joins
	// Query; a path is an error
	URL       string
	Path      string          // of the engine, with its trailing slash; "" = /socket.io/, or / without Socket.IO
	Protocol  string          // SocketIO, Frames or Events; "" = SocketIO
	Engine    int             // revision of Engine.IO: Engine4 or Engine3; 0 = Engine4
	Transport string          // WebSocket, WebTransport, Polling or an upgrade, or a baseline; "" = WebSocket
	Poll      time.Duration   // between two GETs of ShortPolling; 0 = 1 s
	Namespace string          // "" = /; or NoNamespace
	More      []string        // further namespaces on the same connection, joined in that order
	Parser    socketio.Parser // how packets are encoded; must match the parser of the server
	Auth      json.RawMessage // payload of the namespace CONNECT, a JSON object; nil = none
	// more query parameters of every engine request; with Engine3 also of CONNECT, in place of
	// Auth. WebTransport carries none, as with the official client.
	Query url.Values

	// Header holds more header fields of every HTTP request: Origin, Cookie,
	// User-Agent for example. Host replaces the host of URL.
	Header map[string][]string

	// Jar holds the client's cookies from one connection to the next: cookies of the target's
	// answers join it, and each request carries those that are for it. nil = a jar for this
	// connection only.
	Jar *Jar

	// Compress offers permessage-deflate on websockets, as browsers do; see [Client.Uncompressed].
	Compress bool

	TLS *tls.Config // for https, wss and WebTransport; nil = verify against the system's roots
	// Tickets holds the client's session of TLS from one connection to the next, which resumes it.
	// nil = the connections of this session resume what its first has agreed on, and no others do.
	Tickets   *Tickets
	LocalAddr netip.Addr // source address; the zero Addr = the system chooses
	// Via is host:port to connect to in the place of the URL's, of a proxy that passes bytes on;
	// the Host field and the name in TLS stay the URL's. "" = the URL's own.
	Via string
	// Names remembers the addresses of hosts for all clients that share it; nil = the system is
	// asked for each connection.
	Names *Names
	// Dial, if not nil, makes the TCP connections in the place of the dialer that it gets, whose
	// Control it calls: on a network of its own. Goroutines call it at once.
	Dial func(ctx context.Context, d *net.Dialer, address string) (net.Conn, error)

	// H3 is host:port of the server's HTTP/3, over UDP; "" = host and port of the URL, whatever its
	// scheme.
	H3 string
	// ViaH3 is host:port to connect to in the place of H3, of a relay that passes datagrams on; all
	// names stay H3's. "" = H3 itself.
	ViaH3 string
	// UDP holds the sockets that sessions of WebTransport share; nil = one of this session's own
	UDP *UDP

	// for the connection, the handshake and the namespace together; 0 = 20 s
	Timeout time.Duration
	// for the probe dance; 0 = 10 s; never above 3/4 of the server's pingTimeout
	UpgradeTimeout time.Duration

	// Joining, if not nil, is called during Dial with each CONNECT before it is sent and with each
	// answer to one. Calls do not overlap; the data of a Handshake may be kept.
	Joining func(h Handshake)

	// Of Frames.
	Subprotocols []string // that the client offers, in the order of its liking
	// between two ping frames, and how long a pong may take; 0 = none is sent
	Ping  time.Duration
	Hello []byte // the first frame, a text; nil = none
	// Welcome, if not nil, is asked for each frame that arrives during Dial, which goes on until it
	// is true or an error. The other frames are kept for Run.
	Welcome func(frame []byte, binary bool) (bool, error)

	Slow    *Slow   // read slowly; nil = as fast as possible
	Recover Session // come back as the socket of that session; the zero Session = as a new one

	// MaxQueue is how many bytes of packets may wait for the network, beside one packet of any
	// length; 0 = 1 MiB.
	MaxQueue int
	// MaxMessage is the most bytes of one received message, of the attachments of one packet, and
	// of what is kept of all that come during Dial; the body of a poll may have eight times as
	// many. 0 = 16 MiB. A longer one ends the session with a LimitError.
	MaxMessage int
}

// Handshake is a CONNECT packet of a client, or the server's answer to it.
type Handshake struct {
	Sent      bool
	Refused   bool            // the answer is CONNECT_ERROR
	Namespace string          // as in the packet
	Data      json.RawMessage // the payload as JSON, whatever the parser; nil = none
	At        time.Duration   // when it was sent or read, as Now
}
