package adapter

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// openNATS connects to NATS, after it has started a server in this process if one is asked for.
func (c *Cluster) openNATS(at bus.Address) error {
	var embedded *natsserver.Server
	if at.Embedded {
		s, err := startNATS(at.URL, at.Log)
		if err != nil {
			return err
		}
		embedded = s
		if at.URL, err = url.Parse(s.ClientURL()); err != nil {
			return err
		}
	}
	b, err := bus.OpenNATS(at, bus.Options{MaxQueue: c.opts.MaxQueue, Logger: c.opts.Logger})
	if err != nil {
		if embedded != nil {
			embedded.Shutdown()
		}
		return err
	}
	broker := &natsBroker{NATS: b, embedded: embedded}
	c.broker = broker
	c.link = func(n *node) link {
		p := &presence{seen: map[string]time.Time{}, stop: make(chan struct{})}
		p.link = newRoomed(n, b)
		p.link.others, p.link.opening, p.link.ending, p.link.heard = p.count, p.start, p.leave, p.heard
		return p.link
	}
	if at.Log {
		j := &journal{cluster: c, bus: b, namespaces: map[string]*recovering{}}
		c.recover = func(l link, r *recovering) { j.recover(l.(*roomed), r) }
	}
	return nil
}

// natsBroker is a connection, and the server in this process if there is one.
type natsBroker struct {
	*bus.NATS
	embedded *natsserver.Server
}

func (b *natsBroker) Close() error {
	err := b.NATS.Close()
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
		if dir := b.embedded.StoreDir(); dir != "" {
			_ = os.RemoveAll(filepath.Dir(dir))
		}
	}
	return err
}

// maxMemory bounds what JetStream keeps in a NATS server in this process.
const maxMemory = 256 << 20

// startNATS starts a NATS server that listens at the address; default 127.0.0.1:4222.
func startNATS(u *url.URL, withLog bool) (*natsserver.Server, error) {
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
		return nil, fmt.Errorf("cannot start a NATS server: %w", err)
	}
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("the NATS server does not listen at %s:%d: is the port in use?", o.Host, o.Port)
	}
	return s, nil
}

// presence knows the other nodes of a namespace by what they send: NATS cannot count subscribers.
type presence struct {
	link *roomed
	stop chan struct{}
	once sync.Once

	mu   sync.Mutex
	seen map[string]time.Time // by node: when something came from it last
}

// Each node says each beat that it is there; without a sign for the time of absence it counts as
// gone. The numbers are those of the official adapters with heartbeats.
const (
	beat    = 5 * time.Second
	absence = 10 * time.Second
)

// start says hello, and from then on that the node is there.
func (p *presence) start() {
	p.say(wire.Hello, "")
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.say(wire.Alive, "")
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
	if m.Kind == wire.Bye {
		delete(p.seen, m.From)
	} else {
		p.seen[m.From] = time.Now()
	}
	p.mu.Unlock()
	if m.Kind == wire.Hello {
		p.say(wire.Alive, m.From)
	}
}

func (p *presence) count(context.Context) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, at := range p.seen {
		if time.Since(at) > absence {
			delete(p.seen, id)
		}
	}
	return len(p.seen), nil
}

func (p *presence) leave() {
	p.once.Do(func() {
		close(p.stop)
		p.say(wire.Bye, "")
	})
}
