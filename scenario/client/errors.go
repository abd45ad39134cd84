package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrBackpressure is returned by Send when the packet would not fit into the
// queue of bytes that wait for the network (Config.MaxQueue). Nothing of the
// packet was sent.
var ErrBackpressure = errors.New("client: send queue is full")

// A LimitError says that something of the server is larger than the client takes
// (Config.MaxMessage). The limit is the client's own: the server has broken no rule.
type LimitError struct {
	What  string // message, event, answer of HTTP, or a sum of several
	Limit int    // bytes
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the %s is larger than the %d bytes that the client takes", e.What, e.Limit)
}

// ErrClosed is returned by Send when the session is over.
var ErrClosed = errors.New("client: session is closed")

// DialError holds the stage at which a Dial failed and the class of the failure.
type DialError struct {
	// Stage is "config", "tcp", "tls", "quic", "open", "namespace" or "upgrade".
	Stage string
	// Class is a short constant for counting: "config", "refused", "timeout", "reset",
	// "unreachable", "dns", "ports" (no local port left), "files" (no descriptor left), "tls",
	// "http.<status>", "engine.<code>", "connect_error", "page" (a web page with status 200),
	// "limit" (an answer above Config.MaxMessage), "version" (the server speaks an older revision),
	// "newer" (a newer one), "quic_version" (no version of QUIC in common), "no_webtransport" (no
	// HTTP/3 there, or HTTP/3 without WebTransport), "quic" (another error of QUIC), "protocol"
	// (another answer that violates the protocol), "closed" (the server ended the connection),
	// "canceled", "other".
	Class string
	Err   error

	Protocol string // as Config.Protocol; "" = SocketIO
}

func (e *DialError) Error() string {
	text := strings.TrimPrefix(e.Err.Error(), "client: ")
	if e.Class != e.Stage && !strings.HasPrefix(text, e.Class+": ") {
		text = e.Class + ": " + text
	}
	if !strings.HasPrefix(text, e.Stage+": ") {
		text = e.Stage + ": " + text
	}
	return "client: " + text
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// ConnectError is the server's refusal of a namespace: the cause of a DialError
// of class "connect_error".
type ConnectError struct {
	Message string
	Data    json.RawMessage // nil if the server gave none
}

// Error is the server's message, with the beginning of its data.
func (e *ConnectError) Error() string {
	const most = 200
	switch data := string(e.Data); {
	case data == "" || data == "null" || data == "{}":
		return e.Message
	case len(data) > most:
		return e.Message + " " + strings.ToValidUTF8(data[:most], "") + "..."
	default:
		return e.Message + " " + data
	}
}

// The reasons of a CloseError, in the words of the official client.
const (
	ServerDisconnect = "io server disconnect" // the server closed the namespace
	ClientDisconnect = "io client disconnect" // Close was called
	PingTimeout      = "ping timeout"         // no ping within pingInterval + pingTimeout
	TransportClose   = "transport close"      // the connection ended
	// the connection failed, or the transport's rules were broken
	TransportError = "transport error"
	ParseError     = "parse error" // a packet could not be decoded
)

// CloseError says why a session ended. Run always returns one.
type CloseError struct {
	Reason string // one of the constants above; of a plain websocket also "close" and the code of a close frame
	Cause  error  // nil if there is nothing to add
}

func (e *CloseError) Error() string {
	if e.Cause == nil {
		return "client: " + e.Reason
	}
	return "client: " + e.Reason + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Cause }
