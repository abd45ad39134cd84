package server

import (
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/transport"
)

// Stats is the state of a server at one moment. Counters begin when the server was made, and never
// fall.
type Stats struct {
	Sessions     int            // Engine.IO sessions now, in a namespace or not
	Polling      int            // those over polling
	WebSocket    int            // those over websockets
	WebTransport int            // those over WebTransport
	Namespaces   map[string]int // sockets now, by namespace
	Rooms        int            // rooms now, without those that sockets have by their ids

	Upgrades           uint64            // from polling to websocket or WebTransport
	Ended              map[string]uint64 // sessions, by the reason of their end
	Refused            map[string]uint64 // requests, by the message of the Engine.IO error
	PacketsIn, BytesIn uint64            // Engine.IO packets of clients, heartbeats included
	PacketsOut         uint64            // passed to sessions, heartbeats included
	BytesOut           uint64            // of those, as they are on a websocket
	PongsIn, PingsOut  uint64            // of those packets, the heartbeats
	VolatileDropped    uint64            // messages
	HandlerPanics      uint64            // of functions of the application, the log's handler among them
}

// Stats adds up what the server holds and has done. It looks at every session, which takes some
// milliseconds for many thousands: call it from time to time, not for each request.
func (s *Server) Stats() Stats {
	t := s.engine.Totals()
	st := Stats{
		Sessions: t.Polling + t.WebSocket + t.WebTransport, Polling: t.Polling, WebSocket: t.WebSocket, WebTransport: t.WebTransport,
		Namespaces: map[string]int{}, Ended: map[string]uint64{}, Refused: s.refused.byMessage(),
		Upgrades: t.Upgrades, PacketsIn: t.PacketsIn, BytesIn: t.BytesIn,
		PacketsOut: t.PacketsOut, BytesOut: t.BytesOut, VolatileDropped: t.Dropped,
		PongsIn: t.PongsIn, PingsOut: t.PingsOut,
		HandlerPanics: s.panics.Load() + s.logs.panics.Load(),
	}
	for reason, n := range t.Ended {
		st.Ended[string(reason)] = n
	}
	for _, ns := range s.Namespaces() {
		st.Namespaces[ns.name] = ns.hub.Len()
		ns.hub.Sizes(func(string, int) { st.Rooms++ })
	}
	return st
}

// ClusterStats is what goes between a server and the broker that connects it to others, at a
// moment. Counters begin when the adapter was made, and never fall. It is here for those who show
// it, see package metrics, and do not need the adapters for that.
type ClusterStats struct {
	Adapter   string `json:"adapter"`   // redis, redis+sharded, redis+streams or nats
	Connected bool   `json:"connected"` // the broker takes messages, and every subscription is there
	Nodes     int    `json:"nodes"`     // other servers, as was known in the last seconds

	Published      uint64 `json:"published"` // messages that the broker accepted
	PublishedBytes uint64 `json:"publishedBytes"`
	Received       uint64 `json:"received"` // messages that came from it, own ones included
	ReceivedBytes  uint64 `json:"receivedBytes"`
	Queued         int    `json:"queued"` // bytes that wait to be published

	// Dropped counts what a queue had no room for: messages, and with Recovery commands about the
	// sockets that the broker keeps.
	Dropped uint64 `json:"dropped"`
	// Failed counts what the broker refused, and what was under way when a connection ended, which
	// may have come: messages, and commands as in Dropped.
	Failed     uint64 `json:"failed"`
	Malformed  uint64 `json:"malformed"`  // messages of others that could not be read
	Unknown    uint64 `json:"unknown"`    // messages of a type that this version does not know
	LostEvents uint64 `json:"lostEvents"` // events between servers for which the application was too slow
	Missed     uint64 `json:"missed"`     // messages that a stream, of Redis 7 or JetStream, dropped before they were read here
	Reconnects uint64 `json:"reconnects"` // connections for subscriptions that were made anew
	Timeouts   uint64 `json:"timeouts"`   // questions to other servers that not all answered in time
}

// refusals counts requests by the code with which they were refused.
type refusals [engineio.UnsupportedProtocol + 1]atomic.Uint64

func (r *refusals) count(code engineio.ErrorCode) { r[code].Add(1) }

// ConnectionError is a request that the server has refused; see Options.OnConnectionError.
type ConnectionError struct {
	Request *fasthttp.RequestCtx // valid during the call
	Code    int                  // of Engine.IO: 0 to 5
	Message string               // as the client gets it
	// Context distinguishes causes of one code, by the names of the official server:
	// TRANSPORT_MISMATCH, PROTOCOL_MISMATCH, TRANSPORT_HANDSHAKE_ERROR, INVALID_ORIGIN; "" where
	// the code says it all.
	Context string
}

// refuse counts a refused request, and calls OnConnectionError.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, why *transport.Refusal) {
	s.refused.count(why.Code)
	if s.opts.OnConnectionError == nil {
		return
	}
	message := why.Message
	if message == "" {
		message = why.Code.String()
	}
	e := &ConnectionError{Request: ctx, Code: int(why.Code), Message: message, Context: why.Context}
	_ = s.guard(func() { s.opts.OnConnectionError(e) })
}

func (r *refusals) byMessage() map[string]uint64 {
	m := map[string]uint64{}
	for code := range r {
		if n := r[code].Load(); n > 0 {
			m[engineio.ErrorCode(code).String()] = n
		}
	}
	return m
}

// Distribution is how values of one kind are spread.
type Distribution struct {
	Count  uint64
	Sum    float64
	UpTo   []float64 // upper bounds of the classes
	Within []uint64  // how many values are not above each of them
}

// Broadcasts holds how many sockets each broadcast went to, and how many seconds passed until it
// was delivered to the last of them: to the kernel, or to the queue of a client that is behind. The
// first call switches the measuring on, which costs each broadcast two looks at the clock.
func (s *Server) Broadcasts() (receivers, seconds Distribution) {
	s.meter.Start()
	m := s.meter.Read()
	receivers.Sum, seconds.Sum = float64(m.Members), m.Total.Seconds()
	for i, bound := range fanout.ReceiverBounds {
		receivers.add(float64(bound), m.Receivers[i])
	}
	for i, bound := range fanout.TimeBounds {
		seconds.add(bound.Seconds(), m.Times[i])
	}
	receivers.Count += m.Receivers[len(fanout.ReceiverBounds)]
	seconds.Count += m.Times[len(fanout.TimeBounds)]
	return receivers, seconds
}

// add appends a class.
func (d *Distribution) add(bound float64, n uint64) {
	d.Count += n
	d.UpTo = append(d.UpTo, bound)
	d.Within = append(d.Within, d.Count)
}
