package adapter_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

var (
	seed  = flag.Uint64("seed", 0, "of the operations of TestModel; 0 draws one")
	steps = flag.Int("steps", 120, "operations of TestModel on each adapter")
)

// model says what operations on any node of a cluster must lead to, in plain maps. It knows of no
// nodes, except for what is local.
type model struct {
	t       *testing.T
	dice    *rand.Rand
	nodes   []*node
	clients []*modelClient
	heard   chan string // events between servers
	sent    int
	last    string // the room that was changed last
}

type modelClient struct {
	*client
	id    string
	node  int
	rooms map[string]bool
	want  []string // frames, since the last sync
}

// audience is whom an operation is for, as the model and as the server have it.
type audience struct {
	node       int
	in, except []string
	local      bool
	target     server.Target
}

func (m *model) room() string { return fmt.Sprintf("room%d", m.dice.IntN(16)) }

func (m *model) someone() *modelClient { return m.clients[m.dice.IntN(len(m.clients))] }

// name is a room, or the id of a socket, which is one, too.
func (m *model) name() string {
	switch m.dice.IntN(6) {
	case 0:
		return m.someone().id
	case 1, 2:
		if m.last != "" {
			return m.last
		}
	}
	return m.room()
}

func (m *model) audience(of int) *audience {
	a := &audience{node: of}
	n := m.nodes[of]
	a.target = n.Everyone()
	switch m.dice.IntN(6) {
	case 0: // of one socket's others
		if c := m.someone(); c.node == a.node {
			a.except = append(a.except, c.id)
			a.target = n.Socket(c.id).Broadcast()
		}
	case 1:
		a.local = true
		a.target = a.target.Local()
	}
	for range m.dice.IntN(4) {
		name := m.name()
		a.in = append(a.in, name)
		a.target = a.target.To(name)
	}
	for range max(0, m.dice.IntN(4)-1) {
		name := m.name()
		a.except = append(a.except, name)
		a.target = a.target.Except(name)
	}
	a.target = a.target.Compress(m.dice.IntN(2) == 0)
	return a
}

// reached are the clients of an audience.
func (m *model) reached(a *audience) []*modelClient {
	return slices.DeleteFunc(slices.Clone(m.clients), func(c *modelClient) bool {
		in := func(name string) bool { return name == c.id || c.rooms[name] }
		return a.local && c.node != a.node || len(a.in) > 0 && !slices.ContainsFunc(a.in, in) || slices.ContainsFunc(a.except, in)
	})
}

// step does some operations of one node, waits until they have taken effect everywhere, and
// compares. What is told to the others keeps its order, so that nothing has to be waited for
// between broadcasts and changes.
func (m *model) step() {
	of := m.dice.IntN(len(m.nodes))
	did := ""
	do := func(f func(*audience) string) {
		a := m.audience(of)
		did += fmt.Sprintf("\nnode %d, to %q except %q, local %t: %s", of, a.in, a.except, a.local, f(a))
	}
	switch kind := m.dice.IntN(8); kind {
	case 0:
		do(m.disconnect)
	case 1:
		do(m.fetch)
	case 2:
		do(m.ask)
	case 3:
		do(m.serverEvent)
	default:
		for range 1 + m.dice.IntN(6) {
			if m.dice.IntN(2) == 0 {
				do(m.broadcast)
			} else {
				do(m.change)
			}
		}
	}
	if !m.sync(of) {
		m.t.Fatalf("after:%s", did)
	}
}

func (m *model) broadcast(a *audience) string {
	m.sent++
	frames := []string{fmt.Sprintf(`42["m",%d]`, m.sent)}
	args := []any{m.sent}
	if m.dice.IntN(4) == 0 {
		frames = []string{fmt.Sprintf(`451-["m",%d,{"_placeholder":true,"num":0}]`, m.sent), "binary"}
		args = append(args, []byte("binary"))
	}
	check(m.t, a.target.Emit("m", args...))
	for _, c := range m.reached(a) {
		c.want = append(c.want, frames...)
	}
	return "broadcast " + frames[0]
}

func (m *model) change(a *audience) string {
	room, reached, join := m.room(), m.reached(a), m.dice.IntN(3) > 0
	m.last = room
	if join {
		a.target.Join(room)
	} else {
		a.target.Leave(room)
	}
	for _, c := range reached {
		if delete(c.rooms, room); join {
			c.rooms[room] = true
		}
	}
	return fmt.Sprintf("%s, join %t", room, join)
}

// disconnect takes one client away, and lets another one come. The first client of each node stays:
// by it the others know that the node has heard everything.
func (m *model) disconnect(a *audience) string {
	c := m.clients[len(m.nodes)+m.dice.IntN(len(m.clients)-len(m.nodes))]
	m.nodes[a.node].To(c.id).Disconnect(false)
	c.expect("41")
	m.clients = slices.DeleteFunc(m.clients, func(other *modelClient) bool { return other == c })
	m.add(m.dice.IntN(len(m.nodes)))
	return "disconnect " + c.id
}

func (m *model) add(at int) {
	n := m.nodes[at]
	before := n.Sockets()
	c := &modelClient{client: connect(m.t, n), node: at, rooms: map[string]bool{}}
	for _, s := range n.Sockets() {
		if !slices.Contains(before, s) {
			c.id = s.ID()
		}
	}
	m.clients = append(m.clients, c)
}

func (m *model) fetch(a *audience) string {
	all, err := a.target.Fetch(m.t.Context())
	check(m.t, err)
	var got, want []string
	for _, s := range all {
		slices.Sort(s.Rooms)
		got = append(got, fmt.Sprint(s.ID, s.Rooms))
	}
	for _, c := range m.reached(a) {
		want = append(want, fmt.Sprint(c.id, slices.Sorted(maps.Keys(c.rooms))))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.t.Errorf("fetch finds\n%v, want\n%v", got, want)
	}
	return "fetch"
}

func (m *model) ask(a *audience) string {
	answers := make(chan server.Answers, 1)
	m.sent++
	check(m.t, a.target.EmitWithAck(20*time.Second, func(got server.Answers) { answers <- got }, "q", m.sent))
	var got, want []string
	for _, c := range m.reached(a) {
		question := c.expectPrefix("42")
		id := strings.TrimSuffix(question[2:], fmt.Sprintf(`["q",%d]`, m.sent))
		c.send(fmt.Sprintf(`43%s[%q]`, id, c.id))
		want = append(want, c.id)
	}
	all := <-answers
	for _, one := range all.All {
		var from string
		check(m.t, one.Event.Bind(&from))
		got = append(got, from)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(all.Missing)+all.MissingRemote != 0 {
		m.t.Errorf("answers of %v (%d, %d missing), want %v", got, len(all.Missing), all.MissingRemote, want)
	}
	return "ask"
}

func (m *model) serverEvent(a *audience) string {
	from := a.node
	m.sent++
	check(m.t, m.nodes[from].ServerSideEmit("between", m.sent))
	var got, want []string
	for i := range m.nodes {
		if i != from {
			want = append(want, fmt.Sprintf("node %d: %d", i, m.sent))
			got = append(got, <-m.heard)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		m.t.Errorf("servers heard %v, want %v", got, want)
	}
	return "an event between servers"
}

// sync waits until all that a node has sent has taken effect, and compares what clients got since
// the last time.
func (m *model) sync(from int) bool {
	m.sent++
	check(m.t, m.nodes[from].Emit("sync", m.sent))
	end := fmt.Sprintf(`42["sync",%d]`, m.sent)
	same := true
	for _, c := range m.clients {
		var got []string
		for text := c.read(); text != end; text = c.read() {
			got = append(got, text)
		}
		if !slices.Equal(got, c.want) {
			m.t.Errorf("client %s on node %d in %v got\n%q, want\n%q", c.id, c.node, slices.Collect(maps.Keys(c.rooms)), got, c.want)
			same = false
		}
		c.want = nil
	}
	for _, n := range m.nodes { // the channels of new rooms
		ready(m.t, n)
	}
	return same && !m.t.Failed()
}

// TestModel compares random operations on three nodes with a model that knows of none.
func TestModel(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	brokers(t, func(t *testing.T, address string) {
		for _, rooms := range []string{"dynamic", "dynamic-private", "static"} {
			if rooms != "dynamic" && !strings.Contains(address, "sharded") && !strings.HasPrefix(address, "nats") {
				continue // they know one way
			}
			t.Run(rooms, func(t *testing.T) {
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("again with: go test ./server/adapter -run 'TestModel' -seed %d -steps %d", *seed, *steps)
					}
				})
				m := &model{t: t, dice: rand.New(rand.NewPCG(*seed, 1)), heard: make(chan string, 16)}
				m.nodes = start(t, address, 3, adapter.Options{Subscriptions: rooms})
				for i, n := range m.nodes {
					n.OnServerEvent("between", func(e *server.Event) error {
						var k int
						if err := e.Bind(&k); err != nil {
							return err
						}
						m.heard <- fmt.Sprintf("node %d: %d", i, k)
						return nil
					})
				}
				for i := range 7 {
					m.add(i % len(m.nodes))
				}
				m.sync(0)
				for range *steps {
					m.step()
				}
			})
		}
	})
}
