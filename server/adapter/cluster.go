package adapter

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// Options say how a server takes part in a cluster. All servers of a cluster need the same Prefix
// and Subscriptions.
type Options struct {
	// Prefix begins the names of all channels, so that several clusters can use one broker.
	// Default: "socket.io". It is the option key, or channelPrefix, of the official adapters.
	Prefix string
	// RequestTimeout is how long Fetch waits for other servers, at most, and how long, with
	// server.Recovery, a broadcast waits for the broker before the sockets of its own server get
	// it. A client that comes back waits for the broker no longer than that either, or 15 s if that
	// is more. Default: 5 s.
	RequestTimeout time.Duration
	// MaxQueue bounds the queue of messages to the broker, in bytes; messages beyond it are dropped
	// and counted (server.ClusterStats). Default: 16 MiB.
	MaxQueue int
	// Subscriptions says which rooms have a channel of their own, so that servers without a member
	// get none of their messages: "dynamic" (those that are not the ids of sockets), the default;
	// "dynamic-private" (all); or "static" (none). It is the option subscriptionMode of the
	// official sharded adapter; redis+sharded and NATS know it.
	Subscriptions string
	// OwnResponses sends answers to the server that asked alone, as the option
	// publishOnSpecificResponseChannel of the official adapter; redis:// knows it. The others
	// always do.
	OwnResponses bool
	// Stream is the name of the stream on redis+streams. Default: Prefix, so that clusters with
	// different ones do not meet. It is the option streamName of the official adapter, which is
	// "socket.io" there whatever the prefix.
	Stream string
	// Streams is over how many streams the namespaces are spread. Default: 1, which is named
	// Stream; several are named Stream-0, Stream-1, ...
	Streams int
	// StreamLength is about how many messages a stream keeps. Default: 10 000. With server.Recovery
	// it is the option maxLen of the official adapter that says how much a client may have missed.
	StreamLength int
	// Replicas is how many servers of a NATS cluster keep what clients may miss, on nats+jetstream
	// with server.Recovery. Default: 1.
	Replicas int
	// SessionPrefix begins the keys of the sockets that may come back, on redis+streams with
	// server.Recovery. Default: "sio:session:". It is the option sessionKeyPrefix of the official
	// adapter.
	SessionPrefix string
	// KeepLeaving, with server.Recovery, keeps sockets when they leave, as the official adapter
	// does, and no earlier. Default: they are kept while they are here as well, so that their
	// clients come back even if the server is killed, or before it notices that the connection is
	// broken; each socket costs the broker a write when it joins, when it changes rooms, and once
	// in Recovery.MaxDisconnection. Socket.Data is as of one of the first two then.
	KeepLeaving bool
	// Logger gets a line when the broker fails and one when it works again, and what is wrong with
	// messages of others; each at most once in ten seconds. Default: slog.Default().
	Logger *slog.Logger
}

// withDefaults returns the options with every field set. The error names the option that is wrong.
func (o Options) withDefaults() (Options, error) {
	for _, number := range []struct {
		name  string
		value int64
	}{
		{"RequestTimeout", int64(o.RequestTimeout)},
		{"MaxQueue", int64(o.MaxQueue)},
		{"Streams", int64(o.Streams)},
		{"StreamLength", int64(o.StreamLength)},
		{"Replicas", int64(o.Replicas)},
	} {
		if number.value < 0 {
			return o, fmt.Errorf("adapter: %s is negative; use a positive value, or 0 for the default", number.name)
		}
	}
	if o.RequestTimeout > 0 && o.RequestTimeout < time.Millisecond {
		return o, fmt.Errorf("adapter: RequestTimeout is %v; it must be at least 1ms (a number without a unit counts nanoseconds)", o.RequestTimeout)
	}
	o.Prefix = cmp.Or(o.Prefix, "socket.io")
	o.RequestTimeout = cmp.Or(o.RequestTimeout, 5*time.Second)
	o.MaxQueue = cmp.Or(o.MaxQueue, 16<<20)
	o.Stream = cmp.Or(o.Stream, o.Prefix)
	o.Streams = cmp.Or(o.Streams, 1)
	o.StreamLength = cmp.Or(o.StreamLength, 10_000)
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.SessionPrefix = cmp.Or(o.SessionPrefix, "sio:session:")
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = slog.New(guarded{o.Logger.Handler()})
	switch o.Subscriptions {
	case "":
		o.Subscriptions = "dynamic"
	case "dynamic", "dynamic-private", "static":
	default:
		return o, fmt.Errorf(`adapter: Subscriptions is %q; use "dynamic", "dynamic-private" or "static"`, o.Subscriptions)
	}
	return o, nil
}

// fit refuses options, as they are given, that a broker does not know.
func (o *Options) fit(at bus.Address) error {
	dynamic := o.Subscriptions == "" || o.Subscriptions == "dynamic"
	if !dynamic && (at.Form == bus.Classic || at.Form == bus.Streams) {
		return fmt.Errorf("only redis+sharded:// and NATS have Subscriptions, which is %q; leave it out", o.Subscriptions)
	}
	return at.CheckStreams(o.Stream, o.Streams)
}

// Cluster is a server's part in a cluster. Its methods are safe for concurrent use.
type Cluster struct {
	opts   Options
	name   string // of the kind of adapter
	broker broker
	link   func(*node) link // makes the link of a namespace
	// recover gives r the log of a link; nil if the broker has none
	recover func(l link, r *recoveryAdapter)

	bad, unknown, lostEvents, timeouts atomic.Uint64
	complained                         atomic.Int64

	mu    sync.Mutex
	main  *node // of the main namespace
	nodes atomic.Int64

	recount chan struct{} // the other servers may be others now
	stop    context.CancelFunc
	stopped chan struct{}
}

// broker is what all namespaces of a server share.
type broker interface {
	Ready(ctx context.Context) error
	Stats() bus.Stats
	Close() error
}

// Stats returns the counters at this moment.
func (c *Cluster) Stats() server.ClusterStats {
	s := c.broker.Stats()
	return server.ClusterStats{
		Adapter: c.name, Connected: s.Connected, Nodes: int(c.nodes.Load()),
		Published: s.Published, PublishedBytes: s.PublishedBytes, Received: s.Received, ReceivedBytes: s.ReceivedBytes, Queued: s.Queued,
		Dropped: s.Dropped, Failed: s.Failed, Malformed: c.bad.Load(), Unknown: c.unknown.Load(), LostEvents: c.lostEvents.Load(),
		Missed: s.Missed, Reconnects: s.Reconnects, Timeouts: c.timeouts.Load(),
	}
}

// counting is how often the other servers are counted. That also tells whether the broker is there
// when nothing is published.
const counting = 5 * time.Second

// watch counts the other servers until ctx ends.
func (c *Cluster) watch(ctx context.Context) {
	defer close(c.stopped)
	ticker := time.NewTicker(counting)
	defer ticker.Stop()
	for told := false; ; {
		c.mu.Lock()
		n := c.main
		c.mu.Unlock()
		if n != nil {
			limited, cancel := context.WithTimeout(ctx, counting)
			others, err := n.link.count(limited)
			cancel()
			if err != nil {
				// No question to other servers works for a user who may not count them.
				told = told || bus.Forbidden(err) && c.logError("/", err)
			} else {
				told = false
			}
			c.nodes.Store(int64(others))
		}
		select {
		case <-ticker.C:
		case <-c.recount:
		case <-ctx.Done():
			return
		}
	}
}

// Adapter is for server.Options.Adapter.
func (c *Cluster) Adapter(ns *server.Namespace, local server.Adapter) server.Adapter {
	n := newNode(c, ns, local)
	n.link = c.link(n)
	var a server.Adapter = n
	if o := ns.Recovery(); o != nil && c.recover != nil {
		r := &recoveryAdapter{node: n, within: o.MaxDisconnection, limit: o.MaxBytes, returns: map[*replay]struct{}{}}
		c.recover(n.link, r)
		if !c.opts.KeepLeaving {
			r.live = newLiveSockets(r)
		}
		a = r
	}
	n.link.open() // messages may arrive from here on
	if ns.Name() == "/" {
		c.mu.Lock()
		c.main = n
		c.mu.Unlock()
	}
	return a
}

// Ready waits until the broker has confirmed the subscriptions of all namespaces that there are. A
// server that is served before may miss messages of others.
func (c *Cluster) Ready(ctx context.Context) error {
	if err := c.broker.Ready(ctx); err != nil {
		return fmt.Errorf("adapter: the broker has not confirmed the subscriptions: %w", err)
	}
	select {
	case c.recount <- struct{}{}:
	default:
	}
	return nil
}

// Close sends the queued messages, for a second at most, and disconnects from the broker. Close the
// server before.
func (c *Cluster) Close() error {
	c.stop()
	<-c.stopped
	return c.broker.Close()
}

// malformed counts a message that cannot be read, or of a type that a later version may know.
func (c *Cluster) malformed(ns string, err error) {
	counter := &c.bad
	if errors.Is(err, wire.ErrKind) {
		counter = &c.unknown
	}
	if n := counter.Add(1); c.logAllowed() {
		c.opts.Logger.Warn("message of another server dropped", "namespace", ns, "error", err, "count", n)
	}
}

// logError logs a failure, and reports whether it did. While the broker fails, which the log says
// already, all else does.
func (c *Cluster) logError(ns string, err error) bool {
	if !c.broker.Stats().Connected || !c.logAllowed() {
		return false
	}
	c.opts.Logger.Error("cluster", "namespace", ns, "error", err)
	return true
}

// logAllowed allows a line each ten seconds.
func (c *Cluster) logAllowed() bool {
	now := time.Now().Unix()
	last := c.complained.Load()
	return now-last >= 10 && c.complained.CompareAndSwap(last, now)
}

// newID returns 16 hexadecimal digits, as the official adapters make them.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return hex.EncodeToString(b[:])
}

// newShortID returns six letters, digits, - and _, as @socket.io/redis-adapter makes them: 36
// random bits. A server ignores what comes from another one with its own id.
func newShortID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])[:6]
}
