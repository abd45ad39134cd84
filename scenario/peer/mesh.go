package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/scenario/client"
)

// A Mesh is the client's membership in a room and its connections to the others there. Its methods
// are safe for concurrent use.
type Mesh struct {
	cfg  Config
	api  *webrtc.API
	conf webrtc.Configuration

	mu      sync.Mutex
	links   map[string]*link // by the peers' ids
	queue   []func()         // for the goroutine of the mesh
	begun   bool             // its goroutine runs, or ran
	closing bool
	wake    chan struct{} // holds one while the queue is not empty, or the mesh is closing
	done    chan struct{} // closed when the goroutine has ended
	wg      sync.WaitGroup

	// Of the goroutine of the mesh.
	you     string // this client's id; "" until the server has listed the peers
	early   []string
	settled bool
}

// maxQueued bounds what waits for the goroutine of a mesh. A server with limits sends less.
const maxQueued = 1 << 14

// New makes a Mesh, and starts nothing.
func New(cfg Config) (*Mesh, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("peer: making a certificate: %w", err)
	}
	return &Mesh{
		cfg: cfg, api: cfg.api(), links: map[string]*link{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
		conf: webrtc.Configuration{ICEServers: cfg.Servers, Certificates: []webrtc.Certificate{*cert}},
	}, nil
}

// Join asks the server for the room, once. All events of the client must go through Event from
// before this call on. After Join, Close must end the Mesh, also when the client's connection has
// ended; for the next connection there is another Mesh. The error is that of Config.Emit, or
// ErrClosed.
func (m *Mesh) Join() error {
	m.mu.Lock()
	if m.closing || m.begun {
		m.mu.Unlock()
		return ErrClosed
	}
	m.begun = true
	m.mu.Unlock()
	go m.run()
	return m.cfg.Emit("p2p:join", place{Room: m.cfg.Room})
}

// place is the first argument of events for the server.
type place struct {
	Room string `json:"room"`
	To   string `json:"to,omitempty"`
}

// run is the goroutine of the mesh: whatever changes a peer runs on it.
func (m *Mesh) run() {
	defer close(m.done)
	for range m.wake {
		m.mu.Lock()
		todo, closing := m.queue, m.closing
		m.queue = nil
		m.mu.Unlock()
		for _, f := range todo {
			f()
		}
		if closing {
			break
		}
	}
	for _, l := range m.all() {
		m.wg.Go(l.finish)
	}
	m.wg.Wait()
}

// do lets the goroutine of the mesh call f, unless the mesh is closing.
func (m *Mesh) do(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing || len(m.queue) >= maxQueued {
		return // what is left out shows as a stage that does not end in time
	}
	m.queue = append(m.queue, f)
	m.rouse()
}

// rouse wakes the goroutine. m is locked.
func (m *Mesh) rouse() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// all lists the links, by the peers' ids.
func (m *Mesh) all() []*link {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*link, 0, len(m.links))
	for _, l := range m.links {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *link) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return list
}

// Close leaves the room, gives messages that wait in the channels a moment to leave (250 ms), and
// closes all connections. It returns when no goroutine and no socket of the Mesh is left. Do not
// call it from the functions of the Config. The error is always nil.
func (m *Mesh) Close() error {
	m.mu.Lock()
	first, begun := !m.closing, m.begun
	m.closing = true
	m.rouse()
	m.mu.Unlock()
	if !begun {
		return nil
	}
	if first {
		_ = m.cfg.Emit("p2p:leave", place{Room: m.cfg.Room}) // without a connection it has left already
	}
	<-m.done
	return nil
}

// Peers lists the peers that are in the room, by their ids; the caller owns the slice.
func (m *Mesh) Peers() []Peer {
	links := m.all()
	list := make([]Peer, len(links))
	for i, l := range links {
		list[i] = l.peer()
	}
	return list
}

// Send sends a message to a peer, and says which way it went. A text must be UTF-8. Send does not
// wait for the network: ErrQueueFull says that the channel is too far behind.
func (m *Mesh) Send(to string, data []byte, binary bool) (Way, error) {
	m.mu.Lock()
	l, closing := m.links[to], m.closing
	m.mu.Unlock()
	switch {
	case closing:
		return Direct, ErrClosed
	case l == nil:
		return Direct, ErrNoPeer
	case len(data) > m.cfg.MaxMessage:
		return Direct, fmt.Errorf("peer: %w", tooLarge(len(data), m.cfg.MaxMessage))
	}
	return l.send(data, binary)
}

// Broadcast sends a message to all peers in the room, and says to how many it went either way. The
// errors, which the caller owns, name the peers that it was not sent to, and why.
func (m *Mesh) Broadcast(data []byte, binary bool) (direct, relayed int, failed []error) {
	for _, l := range m.all() {
		way, err := m.Send(l.id, data, binary)
		switch {
		case errors.Is(err, ErrNoPeer): // it has just left
		case err != nil:
			failed = append(failed, fmt.Errorf("to %s: %w", l.id, err))
		case way == Direct:
			direct++
		default:
			relayed++
		}
	}
	return direct, relayed, failed
}

// Event takes an event of the client in, and reports whether it was one for this Mesh. Call it from
// the Handler of the client, for each event in order; it does not wait.
func (m *Mesh) Event(e *client.Message) bool {
	if len(e.Name) < 5 || string(e.Name[:4]) != "p2p:" {
		return false
	}
	var head struct {
		Room, You, Peer, From string
		Peers                 []string
		Event, To             string
		Code, Reason          string
	}
	if err := m.cfg.Parser.Bind(e.Args, e.Attachments, &head); err != nil {
		return false
	}
	name := string(e.Name)
	// A refusal for more than one room, such as by a limit, names none.
	if head.Room != m.cfg.Room && (name != "p2p:refused" || head.Room != "") {
		return false
	}
	switch name {
	case "p2p:peers":
		m.do(func() { m.list(head.You, head.Peers) })
	case "p2p:joined":
		m.do(func() { m.meet(head.Peer) })
	case "p2p:left":
		m.do(func() { m.part(head.Peer) })
	case "p2p:signal":
		var s struct{ Data signal }
		if err := m.cfg.Parser.Bind(e.Args, e.Attachments, &s); err == nil {
			m.do(func() { m.signalled(head.From, &s.Data) })
		}
	case "p2p:relay":
		m.relayed(e, head.From)
	case "p2p:refused":
		r := &Refusal{Event: head.Event, Room: head.Room, To: head.To, Code: head.Code, Reason: head.Reason}
		m.do(func() { m.refused(r) })
	default:
		return false
	}
	return true
}

// relayed passes a message on that came by the server, on the goroutine that read it.
func (m *Mesh) relayed(e *client.Message, from string) {
	p := m.cfg.Parser
	_, rest := p.NextArg(e.Args)
	arg, _ := p.NextArg(rest)
	if len(arg) == 0 {
		return
	}
	msg := Message{From: from, Way: Relayed, At: e.At}
	var v any
	if err := p.Bind(arg, e.Attachments, &v); err != nil {
		return
	}
	switch v := v.(type) {
	case string:
		msg.Data = []byte(v)
	case []byte:
		msg.Data, msg.Binary = v, true
	default:
		var err error
		if msg.Data, err = p.AppendJSON(nil, arg); err != nil {
			return
		}
	}
	m.cfg.Message(msg)
}

// list takes in who is in the room.
func (m *Mesh) list(you string, peers []string) {
	m.you = you
	for _, id := range append(peers, m.early...) {
		m.meet(id)
	}
	m.early = nil
	m.settle()
}

// meet takes in that a peer is in the room.
func (m *Mesh) meet(id string) {
	switch {
	case id == "" || id == m.you:
	case m.you == "":
		m.early = append(m.early, id)
	case m.link(id) == nil:
		if l := m.add(id); m.you < id {
			l.call()
		}
	}
}

func (m *Mesh) link(id string) *link {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.links[id]
}

// add makes the link to a peer.
func (m *Mesh) add(id string) *link {
	l := &link{m: m, id: id}
	m.mu.Lock()
	m.links[id] = l
	m.mu.Unlock()
	l.begin()
	return l
}

// part takes in that a peer has left the room. Its last messages may still be in the channel.
func (m *Mesh) part(id string) {
	m.early = slices.DeleteFunc(m.early, func(x string) bool { return x == id })
	l := m.link(id)
	if l == nil {
		return
	}
	m.mu.Lock()
	delete(m.links, id)
	m.mu.Unlock()
	m.wg.Go(l.drain)
	l.change(Gone, nil)
	m.settle()
}

// refused takes in that the server did not carry an event out.
func (m *Mesh) refused(r *Refusal) {
	if r.Event == "p2p:join" && !m.settled {
		m.settled = true
		m.cfg.Settled(r)
		return
	}
	m.cfg.Refused(r)
}

// settle says once that no peer is Connecting.
func (m *Mesh) settle() {
	if m.settled || m.you == "" {
		return
	}
	for _, l := range m.all() {
		if l.peer().State == Connecting {
			return
		}
	}
	m.settled = true
	m.cfg.Settled(nil)
}

// lingers is how long a channel may take to empty before it is closed.
const lingers = 250 * time.Millisecond
