package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// nodeRole is a server of a cluster. Its argument is a nodeSpec.
var nodeRole = program.Role{Name: "node", Play: runNode}

// nodeSpec says how a server takes part.
type nodeSpec struct {
	Number  int
	Address string // of the broker
	Prefix  string
}

// order is a line to a server, and answer the line that it says to it.
type order struct {
	Do    string // send, mark, end, state, fetch or report
	Every time.Duration
	After int64 // mark: the time from which messages count, in Unix nanoseconds
}

type answer struct {
	Error   string             `json:",omitempty"`
	State   *state             `json:",omitempty"`
	Fetched int                `json:",omitempty"`
	Sent    []int64            `json:",omitempty"` // report: when each message was sent, in Unix nanoseconds
	Got     map[int][]delivery `json:",omitempty"` // report: by sender, in the order of arrival
}

// delivery is a message that the client got.
type delivery struct {
	N  int
	At int64 // Unix nanoseconds
}

// state is a server at a moment.
type state struct {
	Sent       int
	Marked     map[int]int  // by sender: deliveries of messages that were sent after the mark
	Ended      map[int]bool // senders whose last message is here
	Foreign    int          // messages of other clusters
	Goroutines int
	Stats      server.ClusterStats
}

// the room of all clients, and the number of a last message
const (
	room    = "r"
	endMark = -1
)

// runNode is a server until in ends.
func runNode(_ context.Context, args []string, in io.Reader, out io.Writer) error {
	var s nodeSpec
	if len(args) != 1 {
		return errors.New("usage: cluster node SPEC")
	}
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return err
	}
	cluster, err := adapter.Open(s.Address, adapter.Options{
		Prefix: s.Prefix, RequestTimeout: time.Second, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	srv, err := server.New(server.Options{Adapter: cluster.Adapter})
	if err != nil {
		return err
	}
	srv.OnConnect(func(s *server.Socket) { s.Join(room) })
	srv.On("send", func(s *server.Socket, e *server.Event) error {
		args, _ := e.Raw()
		s.Namespace().To(room).EmitRaw("m", args, nil)
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := cluster.Ready(ctx); err != nil {
		return err
	}
	c, err := newClient(ln.Addr().String(), s)
	if err != nil {
		return err
	}
	if err := cluster.Ready(ctx); err != nil { // the room's channel
		return err
	}
	n := &nodeProcess{spec: s, server: srv, cluster: cluster, client: c}
	if err := n.obey(in, out); err != nil {
		return err
	}
	c.close()
	ctx, cancel = context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	return errors.Join(<-served, cluster.Close())
}

type nodeProcess struct {
	spec    nodeSpec
	server  *server.Server
	cluster *adapter.Cluster
	client  *client
}

// obey carries out one order after the other.
func (n *nodeProcess) obey(in io.Reader, out io.Writer) error {
	to := json.NewEncoder(out)
	if err := to.Encode(answer{}); err != nil { // it is ready
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		if err := to.Encode(n.carryOut(o)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (n *nodeProcess) carryOut(o order) (a answer) {
	c := n.client
	switch o.Do {
	case "send":
		c.begin(o.Every)
	case "end":
		c.end()
	case "mark":
		c.mark(o.After)
	case "state":
		a.State = c.state()
		a.State.Goroutines, a.State.Stats = runtime.NumGoroutine(), n.cluster.Stats()
	case "fetch":
		all, err := n.server.Everyone().Fetch(context.Background())
		if a.Fetched = len(all); err != nil {
			a.Error = err.Error()
		}
	case "report":
		a.Sent, a.Got = c.account()
	default:
		a.Error = "unknown order " + o.Do
	}
	return a
}

// client is the client of a server: it sends, and notes what it receives.
type client struct {
	spec    nodeSpec
	conn    *websocket.Conn
	reading chan struct{}
	stop    chan struct{} // ends the sending
	sending sync.WaitGroup

	write sync.Mutex

	mu      sync.Mutex
	sent    []int64
	got     map[int][]delivery
	ended   map[int]bool
	after   int64
	marked  map[int]int
	foreign int
	failed  error
}

// message is what clients send.
type message struct {
	Cluster string
	Node, N int
	At      int64 // Unix nanoseconds
	Fill    string
}

func newClient(addr string, spec nodeSpec) (*client, error) {
	conn, response, err := websocket.DefaultDialer.Dial("ws://"+addr+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	c := &client{spec: spec, conn: conn, reading: make(chan struct{}), got: map[int][]delivery{}, ended: map[int]bool{}, marked: map[int]int{}}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		return nil, err
	}
	for range 2 { // the handshake, and the namespace
		if _, _, err := conn.ReadMessage(); err != nil {
			return nil, err
		}
	}
	go c.read()
	return c, nil
}

func (c *client) read() {
	defer close(c.reading)
	for {
		_, b, err := c.conn.ReadMessage()
		if err != nil {
			c.mu.Lock()
			c.failed = err
			c.mu.Unlock()
			return
		}
		text, isEvent := strings.CutPrefix(string(b), "42")
		if string(b) == "2" {
			_ = c.say("3")
		}
		if !isEvent {
			continue
		}
		var event string
		m := message{}
		if err := json.Unmarshal([]byte(text), &[]any{&event, &m}); err == nil && event == "m" {
			c.note(m)
		}
	}
}

func (c *client) note(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Cluster != c.spec.Prefix:
		c.foreign++
	case m.N == endMark:
		c.ended[m.Node] = true
	default:
		c.got[m.Node] = append(c.got[m.Node], delivery{m.N, time.Now().UnixNano()})
		if m.At >= c.after {
			c.marked[m.Node]++
		}
	}
}

func (c *client) say(text string) error {
	c.write.Lock()
	defer c.write.Unlock()
	return c.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// send sends a message to the room.
func (c *client) send(n int) error {
	m := message{Cluster: c.spec.Prefix, Node: c.spec.Number, N: n, At: time.Now().UnixNano(), Fill: strings.Repeat("x", 100)}
	if n != endMark {
		c.mu.Lock()
		c.sent = append(c.sent, m.At)
		c.mu.Unlock()
	}
	b, err := json.Marshal([]any{"send", m})
	if err != nil {
		return err
	}
	return c.say("42" + string(b))
}

func (c *client) begin(every time.Duration) {
	c.stop = make(chan struct{})
	c.sending.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-ticker.C:
			case <-c.stop:
				return
			}
			if c.send(n) != nil {
				return // the reader has noted it
			}
		}
	})
}

// end stops the sending, after a last message.
func (c *client) end() {
	close(c.stop)
	c.sending.Wait()
	_ = c.send(endMark) // the reader notes what is wrong
}

// mark lets messages count that were sent at a time or later.
func (c *client) mark(after int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
	clear(c.marked)
}

func (c *client) state() *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &state{Sent: len(c.sent), Marked: maps.Clone(c.marked), Ended: maps.Clone(c.ended), Foreign: c.foreign}
}

func (c *client) account() ([]int64, map[int][]delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		panic(fmt.Sprintf("the client lost its connection: %v", c.failed))
	}
	return c.sent, c.got
}

func (c *client) close() {
	_ = c.conn.Close()
	<-c.reading
}
