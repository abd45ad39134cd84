package adapter

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// openNATS connects to NATS, after it has started a server in this process if one is asked for.
func (c *Cluster) openNATS(at bus.Address) error {
	var embedded *embeddedNATS
	if at.Embedded {
		s, err := startNATS(at.URL, at.Log, openTime)
		if err != nil {
			return err
		}
		embedded = s
		if at.URL, err = url.Parse(s.ClientURL()); err != nil {
			embedded.close()
			return err
		}
	}
	b, err := bus.OpenNATS(at, bus.Options{MaxQueue: c.opts.MaxQueue, Logger: c.opts.Logger})
	if err != nil {
		embedded.close()
		return err
	}
	c.broker = &natsBroker{NATS: b, embedded: embedded}
	c.link = func(n *node) link {
		p := newPresence(b.Reachable, b.Again)
		p.link = newRoomLink(n, b)
		p.link.others, p.link.opening, p.link.ending, p.link.heard, p.link.limit = p.count, p.start, p.leave, p.heard, b.MaxPayload
		return p.link
	}
	if at.Log {
		j := &journal{cluster: c, bus: b, namespaces: map[string]*recoveryAdapter{}}
		c.recover = func(l link, r *recoveryAdapter) { j.recover(l.(*roomLink), r) }
	}
	return nil
}

// natsBroker is a connection, and the server in this process, nil if there is none.
type natsBroker struct {
	*bus.NATS
	embedded *embeddedNATS
}

func (b *natsBroker) Close() error {
	err := b.NATS.Close()
	b.embedded.close()
	return err
}

// embeddedNATS is a NATS server in this process.
type embeddedNATS struct {
	*natsserver.Server
	dir     string        // made for JetStream; "" without it
	started chan struct{} // closed when Start has returned, and makes no more files
}

// close ends the server and removes its folder. On nil it does nothing.
func (e *embeddedNATS) close() {
	if e == nil {
		return
	}
	<-e.started
	e.Shutdown()
	e.WaitForShutdown()
	removeDir(e.dir)
}

// removeDir removes a folder with everything in it, unless its name is empty.
func removeDir(dir string) {
	if dir != "" {
		_ = os.RemoveAll(dir) // what cannot be removed is in the folder for temporary files
	}
}

// maxMemory bounds what JetStream keeps in a NATS server in this process.
const maxMemory = 256 << 20

// startNATS starts a NATS server that listens at the address; default 127.0.0.1:4222. It fails if
// the server does not within a time.
func startNATS(u *url.URL, withLog bool, within time.Duration) (*embeddedNATS, error) {
	o := &natsserver.Options{Host: "127.0.0.1", Port: natsserver.DEFAULT_PORT, NoSigs: true, NoLog: true, WriteDeadline: 10 * time.Second}
	if u.Host != "" {
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil {
			return nil, fmt.Errorf("nats+embedded://%s: write HOST:PORT", u.Host)
		}
		if o.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("nats+embedded://%s: the port is not a number", u.Host)
		}
		if o.Port == 0 {
			o.Port = natsserver.RANDOM_PORT
		}
		o.Host = host
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if withLog {
		// In memory alone, yet it needs a folder.
		dir, err := os.MkdirTemp("", "throng-nats")
		if err != nil {
			return nil, fmt.Errorf("cannot start a NATS server: %w", err)
		}
		o.JetStream, o.JetStreamMaxMemory, o.StoreDir = true, maxMemory, dir
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		removeDir(o.StoreDir)
		return nil, fmt.Errorf("cannot start a NATS server: %w", err)
	}
	e := &embeddedNATS{s, o.StoreDir, make(chan struct{})}
	go func() {
		s.Start()
		close(e.started)
	}()
	if !s.ReadyForConnections(within) {
		e.close()
		return nil, fmt.Errorf("the NATS server does not listen at %s:%d: is the port in use?", o.Host, o.Port)
	}
	return e, nil
}

// presence knows the other nodes of a namespace by what they send: NATS cannot count subscribers.
type presence struct {
	link      *roomLink
	connected func() error           // says why there is no connection
	again     func() <-chan struct{} // is closed when there is one again
	stop      chan struct{}
	once      sync.Once

	mu     sync.Mutex
	seen   map[string]time.Time // by node: when something came from it last
	left   map[string]time.Time // by node: when it said that it leaves; an answer of it may come later
	looked time.Time            // when both were looked through last
}

// A node says each heartbeatInterval that it is there, and counts as gone after heartbeatTimeout
// without a sign of it. The numbers are those of the official adapters with heartbeats.
const (
	heartbeatInterval = 5 * time.Second
	heartbeatTimeout  = 10 * time.Second
)

func newPresence(connected func() error, again func() <-chan struct{}) *presence {
	return &presence{
		seen: map[string]time.Time{}, left: map[string]time.Time{}, looked: time.Now(), connected: connected, again: again, stop: make(chan struct{}),
	}
}

// start announces the node, and says from then on that it is there. A node that had no connection
// for long announces itself once more: others have forgotten it.
func (p *presence) start() {
	again := p.again()
	p.say(wire.InitialHeartbeat, "")
	go func() {
		ticker := time.NewTicker(heartbeatInterval)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-again:
				again = p.again()
				p.say(wire.InitialHeartbeat, "")
			case <-ticker.C:
				p.say(wire.Heartbeat, "")
				p.present(time.Now()) // forgets the others, of which each restart makes one more
			}
		}
	}()
}

func (p *presence) say(kind wire.Kind, to string) {
	p.link.send(&wire.Message{Kind: kind, From: p.link.id, Namespace: p.link.ns.Name()}, to)
}

// heard notes the sender of a message.
func (p *presence) heard(m *wire.Message) {
	if m.From == p.link.id || m.From == "" || m.From == wire.Emitter {
		return
	}
	p.mu.Lock()
	if m.Kind == wire.AdapterClose {
		delete(p.seen, m.From)
		p.left[m.From] = time.Now()
	} else if _, left := p.left[m.From]; !left {
		p.seen[m.From] = time.Now()
	}
	p.mu.Unlock()
	if m.Kind == wire.InitialHeartbeat {
		p.say(wire.Heartbeat, m.From)
	}
}

func (p *presence) count(context.Context) (int, error) {
	return p.present(time.Now()), p.connected()
}

// present returns how many other nodes there are, and forgets those that are absent. Those that
// this node cannot have heard, because it stood still or had no connection, have as long again:
// otherwise a question would be taken for answered by all when it has reached nobody.
func (p *presence) present(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	deaf := now.Sub(p.looked) > heartbeatInterval*3/2 || p.connected() != nil
	p.looked = now
	for id, at := range p.seen {
		switch {
		case deaf:
			p.seen[id] = now
		case now.Sub(at) > heartbeatTimeout:
			delete(p.seen, id)
		}
	}
	maps.DeleteFunc(p.left, func(_ string, at time.Time) bool { return now.Sub(at) > heartbeatTimeout })
	return len(p.seen)
}

func (p *presence) leave() {
	p.once.Do(func() {
		close(p.stop)
		p.say(wire.AdapterClose, "")
	})
}
