package server

import "time"

// Times are how long clients may take; see Options for the tags.
type Times struct {
	// PingInterval is the time from a client's pong to the server's next ping. With PingTimeout it
	// must not be more than 24 days for clients in JavaScript: their timers end longer waits at
	// once, and the client takes that for a lost connection.
	PingInterval time.Duration `default:"25s" help:"time from a pong to the next ping"`
	// PingTimeout is the longest time to a pong.
	PingTimeout time.Duration `default:"20s" help:"longest time to a pong"`
	// UpgradeTimeout is the longest time of an upgrade from the opening of the websocket.
	UpgradeTimeout time.Duration `default:"10s" help:"longest time of an upgrade from polling to a websocket"`
	// ConnectTimeout is how long a connection may stay without a namespace.
	ConnectTimeout time.Duration `default:"45s" help:"how long a client may stay without a namespace"`
	// MessageTimeout is the longest time from the first byte of a websocket message to its last.
	MessageTimeout time.Duration `default:"1m" help:"longest time from the first byte of a websocket message to its last"`
	// RequestTimeout is the longest time for an HTTP request and its body to arrive, with Serve;
	// with Handler the surrounding HTTP server has its own. Long posts over slow links need more.
	RequestTimeout time.Duration `default:"30s" help:"longest time for an HTTP request and its body to arrive"`
	// AttachmentTimeout is the longest time for all attachments of an event to arrive.
	AttachmentTimeout time.Duration `default:"1m" help:"longest time for all attachments of an event to arrive"`
	// WriteTimeout is how long a client may read less than 256 bytes a second of its queue without
	// emptying it. Then, or up to a quarter later, it is disconnected with the reason "slow
	// consumer". Over polling a client reads when it polls, and with Serve it must read the whole
	// answer to a poll in that time. On a websocket the bytes count that the client's system
	// acknowledges, so that slow readers stay: a stalled stream goes on in steps of a sixteenth of
	// their receive buffer, or of 64 KiB on the loopback interface. A ping waits behind the queue,
	// so a reader of more than 256 bytes a second is bound by PingTimeout.
	WriteTimeout time.Duration `default:"1m" help:"a client that reads less than 256 B/s of its queue for this long is disconnected"`
}

// Limits bound what clients may take of the server; see Options for the tags. Zero means the
// default; one without a default is no limit then. A default with a unit is a size in bytes.
type Limits struct {
	// MaxSessions is the number of sessions; further clients get the error code 4. The system
	// limits it as well, by its number of open files.
	MaxSessions int `help:"clients at once (default no limit)"`
	// MaxPending is the number of sessions that have not joined a namespace yet.
	MaxPending int `default:"65536" help:"clients at once that have not joined a namespace yet"`
	// MaxPerAddress is the number of sessions of one address, and MaxHandshakes the number of
	// handshakes that it may make in a second; further ones get the error code 4. IPv6 clients of
	// one /64 network count together. They have no default, since all clients behind a proxy that
	// is none of Options.TrustedProxies, or in one company, have one address.
	MaxPerAddress int `help:"clients of one address; behind a proxy see --trusted-proxies (default no limit)"`
	MaxHandshakes int `help:"handshakes in a second of one address (default no limit)"`

	// MaxPayload is the largest size of a polling body and of a websocket message.
	MaxPayload int `default:"1MB" help:"largest size of a polling body or websocket message of a client"`
	// MaxHeader is the largest size of the head of a request; a larger one is answered with HTTP
	// 431. It holds for Serve; with Handler the surrounding HTTP server has its own.
	MaxHeader int `default:"8KiB" help:"largest size of the head of a request; long cookies and tokens need more"`
	// MaxPartial bounds the bytes of incomplete messages of all clients together: websocket
	// messages, polling bodies, and events with missing attachments. A client that would exceed it
	// is disconnected.
	MaxPartial int `default:"256MiB" help:"largest size of the incomplete messages of all clients together"`
	// MaxAttachments is the number of binary values in one event.
	MaxAttachments int `default:"10" help:"binary values in one event"`

	// MaxNamespaces is the number of namespaces that one connection may join.
	MaxNamespaces int `default:"32" help:"namespaces of one client"`
	// MaxDynamic is the number of namespaces that clients may create through Server.Dynamic.
	MaxDynamic int `default:"1024" help:"namespaces that clients may create"`
	// MaxRooms is the number of rooms of one socket, MaxRoomName the largest size of the name of a
	// room, and MaxRoomBytes the size of the names of all rooms of a socket together. They hold for
	// every way into a room: Socket.Join, Target.Join of this or another server, the Admin UI, and
	// the rooms of a socket that comes back.
	MaxRooms     int `default:"10000" help:"rooms of one client"`
	MaxRoomName  int `default:"4KiB" help:"largest size of the name of a room"`
	MaxRoomBytes int `default:"1MiB" help:"largest size of the names of all rooms of one client together"`

	// MaxAcks is the number of answers of one socket that EmitWithAck may wait for at a time.
	MaxAcks int `default:"4096" help:"answers of one client that may be awaited at a time"`
	// QueuePackets and QueueBytes bound the queue of one client; a client that would exceed them is
	// disconnected with the reason "slow consumer".
	QueuePackets int `default:"16384" help:"a client with more queued packets is disconnected"`
	QueueBytes   int `default:"4MiB" help:"a client with more queued bytes is disconnected"`
}
