package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/peer"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/signalling"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's own, which end later or never: see package server.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

const patience = 30 * time.Second

// serve serves a signalling and returns its URL.
func serve(tb testing.TB, opts signalling.Options, parser socketio.Parser) string {
	tb.Helper()
	srv, err := server.New(server.Options{Parser: parser})
	if err != nil {
		tb.Fatal(err)
	}
	if err := signalling.New(srv.Namespace, opts); err != nil {
		tb.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(srv.Shutdown(ctx), <-served); err != nil {
			tb.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// A member is a client with its mesh.
type member struct {
	*peer.Mesh
	t       testing.TB
	id      string
	c       *client.Client
	ran     chan struct{}
	settled chan error
	stop    sync.Once
	next    atomic.Pointer[peer.Mesh] // in place of the first one

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with each message and each change of a peer
	got     []heard
	peers   map[string]peer.Peer
	refused []*peer.Refusal
}

type heard struct {
	from, data string
	binary     bool
	way        peer.Way
}

func (m *member) Event(e *client.Message) {
	if next := m.next.Load(); next != nil {
		next.Event(e)
		return
	}
	m.Mesh.Event(e)
}
func (m *member) Ack(*client.Message) {}

// note changes what is noted under the lock.
func (m *member) note(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// refusals is of how many the member has heard.
func (m *member) refusals() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.refused)
}

// until waits for a condition of what is noted.
func (m *member) until(what string, is func() bool) {
	m.t.Helper()
	late := time.After(patience)
	for {
		m.mu.Lock()
		ok, changed := is(), m.changed
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			m.t.Fatalf("%s waited in vain until %s; peers %v, messages %.300v", m.id, what, m.Peers(), m.got)
		}
	}
}

// hears waits for a message and takes it out.
func (m *member) hears(want heard) {
	m.t.Helper()
	m.until(fmt.Sprintf("a message of %d bytes came: %.40q, %v", len(want.data), want.data, want.way), func() bool {
		i := slices.Index(m.got, want)
		if i >= 0 {
			m.got = slices.Delete(m.got, i, i+1)
		}
		return i >= 0
	})
}

// sees waits until a peer is in a state.
func (m *member) sees(id string, s peer.State) (p peer.Peer) {
	m.t.Helper()
	m.until(fmt.Sprint(id, " is ", s), func() bool {
		var is bool
		p, is = m.peers[id]
		return is && p.State == s
	})
	return p
}

// enter connects a client and joins the room "r".
func enter(tb testing.TB, url string, cfg peer.Config) *member {
	tb.Helper()
	c, err := client.Dial(tb.Context(), &client.Config{URL: url, Parser: cfg.Parser})
	if err != nil {
		tb.Fatal(err)
	}
	m := &member{t: tb, c: c, id: c.SIDs()[0], ran: make(chan struct{}), settled: make(chan error, 1), changed: make(chan struct{}), peers: map[string]peer.Peer{}}
	cfg.Room, cfg.Emit, cfg.Loopback = "r", peer.Over(c, cfg.Parser, ""), true
	if cfg.Message == nil {
		cfg.Message = func(x peer.Message) {
			m.note(func() { m.got = append(m.got, heard{x.From, string(x.Data), x.Binary, x.Way}) })
		}
	}
	cfg.Peer = func(p peer.Peer) { m.note(func() { m.peers[p.ID] = p }) }
	cfg.Settled = func(err error) { m.settled <- err }
	cfg.Refused = func(r *peer.Refusal) { m.note(func() { m.refused = append(m.refused, r) }) }
	if m.Mesh, err = peer.New(cfg); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(m.ran)
		_ = c.Run(m)
	}()
	if err := m.Join(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.leave)
	return m
}

// leave ends the mesh and the connection.
func (m *member) leave() {
	m.stop.Do(func() {
		if err := m.Close(); err != nil {
			m.t.Error(err)
		}
		_ = m.c.Close()
		<-m.ran
	})
}

// settles waits until the member has settled, and returns how.
func (m *member) settles() error {
	m.t.Helper()
	select {
	case err := <-m.settled:
		return err
	case <-time.After(patience):
		m.t.Fatalf("%s has not settled: %v", m.id, m.Peers())
		return nil
	}
}

func (m *member) sends(to *member, data string, binary bool, way peer.Way) {
	m.t.Helper()
	got, err := m.Send(to.id, []byte(data), binary)
	if err != nil || got != way {
		m.t.Errorf("%d bytes went %v, %v; want %v", len(data), got, err, way)
	}
}

// Peers of a room open channels and exchange messages of every size in both directions.
func TestMesh(t *testing.T) {
	for _, parser := range []socketio.Parser{socketio.JSON, socketio.MessagePack} {
		t.Run(parser.String(), func(t *testing.T) {
			url := serve(t, signalling.Options{}, parser)
			var all []*member
			for range 3 {
				m := enter(t, url, peer.Config{Parser: parser})
				if err := m.settles(); err != nil {
					t.Fatal(err)
				}
				all = append(all, m)
			}
			for _, a := range all {
				for _, b := range all {
					if a == b {
						continue
					}
					p := a.sees(b.id, peer.Open)
					if x := p.Timings; x.Signalling <= 0 || x.ICE <= 0 || x.DTLS <= 0 || x.Channel <= 0 || p.Err != nil {
						t.Errorf("%+v", p)
					}
				}
			}
			a, b, c := all[0], all[1], all[2]
			for _, size := range []int{0, 1000, 65535, 65536, 200_000} {
				for _, binary := range []bool{false, true} {
					data := strings.Repeat("x", size)
					a.sends(b, data, binary, peer.Direct)
					b.hears(heard{a.id, data, binary, peer.Direct})
					b.sends(a, data, binary, peer.Direct)
					a.hears(heard{b.id, data, binary, peer.Direct})
				}
			}
			if direct, relayed, err := c.Broadcast([]byte("to all"), false); direct != 2 || relayed != 0 || err != nil {
				t.Errorf("broadcast: %d direct, %d relayed, %v", direct, relayed, err)
			}
			for _, m := range []*member{a, b} {
				m.hears(heard{c.id, "to all", false, peer.Direct})
			}
			if _, err := a.Send("nobody", nil, false); !errors.Is(err, peer.ErrNoPeer) {
				t.Error(err)
			}
			if _, err := a.Send(b.id, make([]byte, 16<<20+1), true); err == nil || !strings.Contains(err.Error(), "16777217 bytes") {
				t.Error(err)
			}
			b.leave()
			a.sees(b.id, peer.Gone)
			if _, err := b.Send(a.id, nil, false); !errors.Is(err, peer.ErrClosed) {
				t.Error(err)
			}
			if _, err := a.Send(b.id, nil, false); !errors.Is(err, peer.ErrNoPeer) {
				t.Error(err)
			}
		})
	}
}

// What was sent before a peer leaves still arrives.
func TestLastMessages(t *testing.T) {
	url := serve(t, signalling.Options{}, socketio.JSON)
	a, b := enter(t, url, peer.Config{}), enter(t, url, peer.Config{})
	a.sees(b.id, peer.Open)
	b.sees(a.id, peer.Open)
	const n = 100
	for i := range n {
		b.sends(a, fmt.Sprint("last ", i), false, peer.Direct)
	}
	b.leave()
	for i := range n {
		a.hears(heard{b.id, fmt.Sprint("last ", i), false, peer.Direct})
	}
}

// deaf takes no packets of anybody.
func deaf(c *peer.Config) {
	c.Settings = func(s *webrtc.SettingEngine) { s.SetRemoteIPFilter(func(net.IP) bool { return false }) }
}

func hidden(c *peer.Config) { c.Hidden = true }

// Peers that cannot meet use the relay, and both know in which stage they failed.
func TestFallback(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b func(*peer.Config)
		mute bool // b's signals are lost
		want string
	}{
		"no candidate":           {hidden, nil, false, peer.StageICE},
		"no candidate elsewhere": {nil, hidden, false, peer.StageICE},
		"no pair":                {deaf, deaf, false, peer.StageICE},
		"no answer":              {nil, nil, true, peer.StageSignalling},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, signalling.Options{Authorize: func(_ *server.Socket, a signalling.Action) error {
				if tt.mute && a.Event == "p2p:signal" {
					return errors.New("lost")
				}
				return nil
			}}, socketio.JSON)
			// meets is in which stages two peers failed that had so much time for each.
			meets := func(limit time.Duration) (stages []string) {
				var members []*member
				for _, change := range []func(*peer.Config){tt.a, tt.b} {
					c := peer.Config{Timeout: limit}
					if change != nil {
						change(&c)
					}
					m := enter(t, url, c)
					if err := m.settles(); err != nil {
						t.Fatal(err)
					}
					members = append(members, m)
				}
				a, b := members[0], members[1]
				defer a.leave()
				defer b.leave()
				for _, x := range [][2]*member{{a, b}, {b, a}} {
					p := x[0].sees(x[1].id, peer.Fallback)
					if p.Err == nil {
						t.Fatal("a fallback without an error")
					}
					stages = append(stages, p.Err.Stage)
					x[0].sends(x[1], "round about", false, peer.Relayed)
					x[1].hears(heard{x[0].id, "round about", false, peer.Relayed})
					x[0].sends(x[1], "\x00\xff", true, peer.Relayed)
					x[1].hears(heard{x[0].id, "\x00\xff", true, peer.Relayed})
				}
				if tt.mute && a.refusals()+b.refusals() == 0 {
					t.Error("nobody heard of the refusals")
				}
				return stages
			}
			limit := 2 * time.Second
			if strings.HasPrefix(name, "no candidate") {
				limit = time.Hour // found out before
			}
			for ; ; limit *= 4 { // a busy machine may not get as far as the stage within a short time
				stages := meets(limit)
				if stages[0] == tt.want && stages[1] == tt.want {
					return
				}
				if limit > time.Minute {
					t.Fatalf("failed in the stages %v, want %s", stages, tt.want)
				}
			}
		})
	}
}

// A peer that leaves the room and joins it again is called anew.
func TestAgain(t *testing.T) {
	url := serve(t, signalling.Options{}, socketio.JSON)
	a := enter(t, url, peer.Config{})
	b := enter(t, url, peer.Config{})
	a.sees(b.id, peer.Open)
	b.sees(a.id, peer.Open)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	a.sees(b.id, peer.Gone)
	again := make(chan error, 1)
	mesh, err := peer.New(peer.Config{Room: "r", Loopback: true, Emit: peer.Over(b.c, socketio.JSON, ""), Settled: func(err error) { again <- err }})
	if err != nil {
		t.Fatal(err)
	}
	b.next.Store(mesh)
	if err := mesh.Join(); err != nil {
		t.Fatal(err)
	}
	if err := <-again; err != nil {
		t.Fatal(err)
	}
	a.sees(b.id, peer.Open)
	a.sends(b, "again", false, peer.Direct)
	if err := mesh.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedJoin(t *testing.T) {
	url := serve(t, signalling.Options{Peers: 2}, socketio.JSON)
	for range 2 {
		if err := enter(t, url, peer.Config{}).settles(); err != nil {
			t.Fatal(err)
		}
	}
	err := enter(t, url, peer.Config{}).settles()
	if r, ok := errors.AsType[*peer.Refusal](err); !ok || r.Code != string(signalling.Full) {
		t.Error(err)
	}
}

// A peer that closes while others connect to it leaves nothing behind: the check of goroutines at
// the end sees what is left.
func TestCloseWhileConnecting(t *testing.T) {
	url := serve(t, signalling.Options{}, socketio.JSON)
	for range 5 {
		a, b, c := enter(t, url, peer.Config{}), enter(t, url, peer.Config{}), enter(t, url, peer.Config{})
		var all sync.WaitGroup
		for _, m := range []*member{a, b, c} {
			all.Go(m.leave)
		}
		all.Wait()
	}
}

func TestConfig(t *testing.T) {
	emit := func(string, ...any) error { return nil }
	for _, cfg := range []peer.Config{{}, {Room: "r"}, {Emit: emit}, {Room: "r", Emit: emit, Timeout: -1}, {Room: "r", Emit: emit, MaxMessage: -1}, {Room: "r", Emit: emit, MaxQueue: -1}} {
		if _, err := peer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config") && !strings.Contains(err.Error(), "range") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	broken := errors.New("broken")
	m, err := peer.New(peer.Config{Room: "r", Emit: func(string, ...any) error { return broken }})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Join(); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Join(); !errors.Is(err, peer.ErrClosed) {
		t.Error(err)
	}
}
