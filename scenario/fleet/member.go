package fleet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// A what says what a numbered message is.
type what byte

const (
	isData    what = iota + 1
	isJob          // controller: an agent's part of a trial begins
	isStart        // controller: the epoch of the trial, and the bound of the clocks
	isOver         // controller: the trial is over
	isReady        // agent: its part of the trial is built
	isRefused      // agent: its part cannot be; the data says why
	isEnded        // agent: its part has ended; the data is the error, if any
	isKeep         // controller: the directory in which agents of its machine keep what they report
	isCollect      // controller: hand over what is kept of a trial; the data is its ticket
	isKept         // agent: whose it is, and a piece of it; without data: that was all
	isForget       // controller: what is kept of the trial is written down
)

// Why a member is gone, or goes on alone.
var (
	errLeft   = errors.New("it has ended")
	errGoesOn = errors.New("the controller goes on without this agent: it did not hear from it")
)

// A message is what a member got of another, in order for each stream.
type message struct {
	from  int
	kind  kind
	what  what
	trial uint32
	data  []byte
}

// A member is one process in a run. Goroutines may share it.
type member struct {
	conn *nats.Conn
	run  string
	self int // agents are 0 to of-1, the controller is of
	of   int
	keys keyring
	clk  *clock

	beats   atomic.Uint64 // number of the next beat, and of the next message about the time
	bounds  atomic.Int64  // at an agent, in nanoseconds: as the controller says
	subs    []*nats.Subscription
	arrived chan struct{} // takes one: something is in the inbox
	hurry   chan struct{} // takes one: see hasten
	stop    context.CancelFunc
	ending  sync.WaitGroup

	mu     sync.Mutex
	out    map[stream]*outgoing
	in     map[stream]*incoming
	inbox  []message
	unread int                // bytes of what has come and is not read: here, and in a link
	taken  int                // bytes taken in since the last beat
	heard  map[int]time.Time  // of each member whose silence counts
	any    time.Time          // when something came from any member
	cut    time.Time          // when this process was last seen without a NATS server
	latest map[int]uint64     // number of its last beat
	clocks map[int]agentClock // at the controller: of each agent, also of those that are gone
	gone   map[int]error
	failed error // of this member; nothing comes and goes any more
}

// join makes this process a member of a run, and begins to listen.
func join(conn *nats.Conn, run string, secret []byte, self, agents int, clk *clock) (*member, error) {
	ring, err := newKeyring(secret, run, agents+1)
	if err != nil {
		return nil, err
	}
	m := &member{
		conn: conn, run: run, self: self, of: agents, keys: ring, clk: clk, arrived: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		out: map[stream]*outgoing{}, in: map[stream]*incoming{}, heard: map[int]time.Time{}, latest: map[int]uint64{},
		clocks: map[int]agentClock{}, gone: map[int]error{},
	}
	now := time.Now()
	m.any = now
	open := func(st stream, receivers ...int) { m.out[st] = newOutgoing(st, receivers...) }
	if m.isController() {
		var all []int
		for i := range agents {
			all = append(all, i)
			m.in[stream{up, i, 0}] = &incoming{}
		}
		open(stream{down, self, 0}, all...)
	} else {
		open(stream{up, self, 0}, agents)
		m.in[stream{down, agents, 0}] = &incoming{}
		m.heard[agents] = now
		for i := range agents {
			if i != self {
				open(stream{mesh, self, i}, i)
				m.in[stream{mesh, i, self}] = &incoming{}
			}
		}
	}
	if err := m.listen(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.ending.Go(func() { m.beatOn(ctx) })
	return m, nil
}

func (m *member) prefix(k kind) string { return "throng.run." + m.run + "." + kindNames[k] + "." }

// subject is where a stream is published, "*" for from stands for any member.
func (m *member) subject(k kind, from string, to int) string {
	s := m.prefix(k) + from
	if k == mesh {
		s += "." + strconv.Itoa(to)
	}
	return s
}

// listen subscribes to the kinds of messages that are for this member.
func (m *member) listen() error {
	kinds := []kind{down, mesh, beat}
	if m.isController() {
		kinds = []kind{up, beat, clockwise}
	}
	for _, k := range kinds {
		sub, err := m.conn.Subscribe(m.subject(k, "*", m.self), func(msg *nats.Msg) { m.take(k, msg) })
		if err != nil {
			return err
		}
		if err := sub.SetPendingLimits(-1, maxKept); err != nil { // what is lost comes again
			return err
		}
		m.subs = append(m.subs, sub)
	}
	return m.conn.Flush()
}

func (m *member) isController() bool { return m.self == m.of }

// close ends this member's part in the run.
func (m *member) close() {
	m.stop()
	m.ending.Wait()
	for _, s := range m.subs {
		_ = s.Unsubscribe() // the connection is closed, or it is not
	}
}

// send numbers a message and publishes it. It is kept until all have it. to is a receiver of mesh,
// else 0.
func (m *member) send(k kind, to int, w what, trial uint32, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return m.failed
	}
	o, most := m.out[stream{k, m.self, to}], pieceOf(m.conn.MaxPayload())
	for {
		part, more := data, byte(0)
		if len(part) > most {
			part, more = part[:most], 1
		}
		data = data[len(part):]
		plain := make([]byte, 0, headSize+len(part))
		plain = append(plain, byte(w), more)
		plain = binary.BigEndian.AppendUint32(plain, trial)
		sealed := m.keys.seal(o.stream, o.next, append(plain, part...))
		if err := o.add(sealed, time.Now()); err != nil {
			m.fail(err)
			return err
		}
		if err := m.publish(o.stream, sealed); err != nil {
			m.fail(err)
			return err
		}
		if more == 0 {
			return nil
		}
	}
}

// room waits until at most so many bytes of a stream wait for the others.
func (m *member) room(ctx context.Context, st stream, most int) error {
	for {
		m.mu.Lock()
		waiting, failed := m.out[st].bytes, m.failed
		m.mu.Unlock()
		if failed != nil || waiting <= most {
			return failed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// publish hands a message to NATS. What is not confirmed is sent again, so that an error is one
// that sending again does not mend.
func (m *member) publish(s stream, sealed []byte) error {
	err := m.conn.Publish(m.subject(s.kind, strconv.Itoa(m.self), s.to), sealed)
	if errors.Is(err, nats.ErrMaxPayload) { // another server, since the message was made
		return fmt.Errorf("the NATS server takes messages of %d bytes now, and one has %d; raise its max_payload: %w", m.conn.MaxPayload(), len(sealed), err)
	}
	return nil
}

// fail ends what this member can do. The lock is held.
func (m *member) fail(err error) {
	if m.failed == nil {
		m.failed = err
		m.wake()
	}
}

func (m *member) wake() {
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

// take takes in what has come from the server.
func (m *member) take(k kind, msg *nats.Msg) {
	place, _, _ := strings.Cut(msg.Subject[len(m.prefix(k)):], ".")
	from, err := strconv.Atoi(place)
	if err != nil || from == m.self {
		return
	}
	st := stream{kind: k, from: from}
	if k == mesh {
		st.to = m.self
	}
	n, plain, err := m.keys.open(st, msg.Data)
	if err != nil {
		return // a stranger's
	}
	if k == clockwise {
		m.answerTime(plain, msg)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone[from] != nil {
		return
	}
	if k == beat {
		m.takeBeat(from, n, plain)
		return
	}
	in := m.in[st]
	if in == nil || len(plain) < headSize || m.full(k) || !in.accept(n) {
		return
	}
	m.hear(from)
	if m.taken += len(plain); m.taken >= confirmAt {
		m.hasten()
	}
	in.part = append(in.part, plain[headSize:]...)
	if plain[1] != 0 {
		if len(in.part) > maxKept {
			m.lose(from, errors.New("it sent a message without end"))
		}
		return
	}
	m.inbox = append(m.inbox, message{from: from, kind: k, what: what(plain[0]), trial: binary.BigEndian.Uint32(plain[2:]), data: in.part})
	m.unread += len(in.part)
	in.part = nil
	m.wake()
}

// full reports whether a message has to wait: its sender keeps it, and sends it again. What a
// controller says always has a place: it may be that the trial is over. The lock is held.
func (m *member) full(k kind) bool { return k != down && m.unread >= maxUnread }

// count adds to the bytes that are not read.
func (m *member) count(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unread += bytes
}

// hear notes that something new has come from a member. What was here before is no sign of life:
// whoever can publish on the server can send it again. The lock is held.
func (m *member) hear(from int) {
	m.any = time.Now()
	if _, known := m.heard[from]; known {
		m.heard[from] = m.any
	}
}

// expect counts the silence of an agent from now on.
func (m *member) expect(agent int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone[agent] == nil {
		m.heard[agent] = time.Now()
	}
}

// next returns the next message; ctx may end the wait. At the controller a message without kind
// says that an agent is gone: why is its error.
func (m *member) next(ctx context.Context) (message, error) {
	for {
		m.mu.Lock()
		if len(m.inbox) > 0 {
			one := m.inbox[0]
			m.unread -= len(one.data)
			m.inbox[0] = message{}
			if m.inbox = m.inbox[1:]; len(m.inbox) == 0 {
				m.inbox = nil
			}
			m.mu.Unlock()
			return one, nil
		}
		failed := m.failed
		m.mu.Unlock()
		if failed != nil {
			return message{}, failed
		}
		select {
		case <-m.arrived:
		case <-ctx.Done():
			return message{}, ctx.Err()
		}
	}
}

// lose goes on without a member. The lock is held.
func (m *member) lose(who int, why error) {
	if m.gone[who] != nil {
		return
	}
	m.gone[who] = why
	delete(m.heard, who)
	for _, o := range m.out {
		o.without(who)
	}
	if who == m.of {
		m.fail(fmt.Errorf("the controller is gone: %w", why))
		return
	}
	if m.isController() {
		m.inbox = append(m.inbox, message{from: who})
		m.wake()
	}
}

// failure is why nothing comes and goes any more; nil: it does.
func (m *member) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

// goneOf is why a member is gone; nil: it is not.
func (m *member) goneOf(who int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[who]
}
