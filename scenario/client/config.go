package client

import (
	"crypto/tls"
	"encoding/json"
	"net/netip"
	"net/url"
	"time"
)

// The values of [Config.Transport].
const (
	WebSocket = "websocket" // websocket from the first byte
	Polling   = "polling"   // long-polling for the whole session
	Upgrade   = "upgrade"   // polling first, then websocket by the probe dance
)

// Config says whom a client connects to and how. Only URL is mandatory; the
// zero value of every other field means its default. Dial reads a Config and
// keeps nothing of it, so that many clients may share one.
type Config struct {
	URL       string          // http, https, ws or wss, host and port; a query joins Query; a path is an error
	Path      string          // of the engine, with its trailing slash; "" = /socket.io/
	Transport string          // WebSocket, Polling or Upgrade; "" = WebSocket
	Namespace string          // "" = /
	Auth      json.RawMessage // payload of the namespace CONNECT, a JSON object; nil = none
	Query     url.Values      // more query parameters of every engine request

	// Header holds more header fields of every HTTP request: Origin, Cookie,
	// User-Agent and the like. Host replaces the one of URL.
	Header map[string][]string

	TLS       *tls.Config // for https and wss; nil = verify against the system's roots
	LocalAddr netip.Addr  // source address; the zero Addr = the system chooses

	Timeout        time.Duration // for the connection, the handshake and the namespace together; 0 = 20 s
	UpgradeTimeout time.Duration // for the probe dance; 0 = 10 s; never above 3/4 of the server's pingTimeout

	Slow *Slow // read slowly; nil = as fast as possible

	MaxQueue   int // bytes of packets that wait for the network; 0 = 1 MiB
	MaxMessage int // bytes of one received message or polling body; 0 = 16 MiB
}
