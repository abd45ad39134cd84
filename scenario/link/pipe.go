package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// The toxics of the library write lines for debugging to standard error, through a logger of the
// whole process that nothing else here uses.
func init() { zerolog.SetGlobalLevel(zerolog.Disabled) }

// A pipe is one connection through a link.
type pipe struct {
	n              uint64 // its number in the link, from 1
	client, server *net.TCPConn
	up, down       *way
	wg             sync.WaitGroup // of the stages, and of follow
	changed        chan struct{}  // the state has
	followed       atomic.Int64   // the version that follow has made
	done           chan struct{}  // closed when both directions have ended

	mu      sync.Mutex
	version int64 // of the following
	state   State
	quiet   bool // silence
	dead    bool // abort
}

// A way is one direction of a connection: what is read goes through two stages and is written.
type way struct {
	in, out chan *stream.StreamChunk
	stages  [2]*toxics.ToxicStub // of delay, and of rate or silence
}

// maxDelayed is how many pieces of data may be delayed at once; more wait in the network.
const maxDelayed = 1024

// piece is how much is read at once, in bytes.
const piece = 16 << 10

func newPipe(n uint64, client, server *net.TCPConn, s State, ahead int) *pipe {
	return &pipe{
		n: n, client: client, server: server, up: newWay(ahead), down: newWay(ahead), state: s,
		changed: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

func newWay(ahead int) *way {
	w := &way{in: make(chan *stream.StreamChunk, ahead), out: make(chan *stream.StreamChunk)}
	between := make(chan *stream.StreamChunk)
	w.stages = [2]*toxics.ToxicStub{toxics.NewToxicStub(w.in, between), toxics.NewToxicStub(between, w.out)}
	return w
}

// run passes data on in both directions until both have ended, and closes the connections.
func (p *pipe) run() {
	var ends sync.WaitGroup // of reading and writing
	for _, d := range []struct {
		way      *way
		from, to *net.TCPConn
	}{{p.up, p.client, p.server}, {p.down, p.server, p.client}} {
		for i, toxic := range p.stages() {
			p.start(d.way.stages[i], toxic)
		}
		ends.Go(func() { p.read(d.way, d.from) })
		ends.Go(func() { p.write(d.way, d.to) })
	}
	p.wg.Go(p.follow)
	ends.Wait()
	close(p.done)
	p.wg.Wait()
	_ = p.client.Close()
	_ = p.server.Close()
}

// start runs a stage.
func (p *pipe) start(stage *toxics.ToxicStub, t toxics.Toxic) {
	p.wg.Go(func() { stage.Run(&toxics.ToxicWrapper{Toxic: t, Toxicity: 1}) })
}

// follow makes changes of the state until the connection has ended. It is alone with that: a stage
// that waits for an end to read cannot be changed before.
func (p *pipe) follow() {
	for {
		select {
		case <-p.changed:
			p.mu.Lock()
			version := p.version
			p.mu.Unlock()
			for _, w := range []*way{p.up, p.down} {
				for i, toxic := range p.stages() {
					if w.stages[i].InterruptToxic() { // not when it has ended
						p.start(w.stages[i], toxic)
					}
				}
			}
			p.followed.Store(version)
		case <-p.done:
			return
		}
	}
}

// stages are the effects on a direction now.
func (p *pipe) stages() [2]toxics.Toxic {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := [2]toxics.Toxic{&toxics.NoopToxic{}, &toxics.NoopToxic{}}
	if p.dead {
		return out // what is on its way finds no end
	}
	if s := p.state; s.Delay > 0 {
		out[0] = &toxics.LatencyToxic{Latency: s.Delay.Milliseconds(), Jitter: s.Jitter.Milliseconds()}
	}
	switch {
	case p.quiet:
		out[1] = &toxics.TimeoutToxic{} // it drops everything, for ever
	case p.state.Rate > 0:
		out[1] = &toxics.BandwidthToxic{Rate: int64(p.state.Rate / 1000)}
	}
	return out
}

// read takes in what comes from one end. A reset of that end goes on to the other.
func (p *pipe) read(w *way, from *net.TCPConn) {
	defer close(w.in)
	buf := make([]byte, piece)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			w.in <- &stream.StreamChunk{Data: bytes.Clone(buf[:n]), Timestamp: time.Now()}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.abort()
			}
			return
		}
	}
}

// write gives to the other end what has come through the stages. It takes everything that comes,
// also when it cannot write any more, so that no stage waits for it.
func (p *pipe) write(w *way, to *net.TCPConn) {
	failed := false
	for c := range w.out {
		if !failed {
			if _, err := to.Write(c.Data); err != nil {
				failed = true
				p.abort()
			}
		}
	}
	if !failed {
		_ = to.CloseWrite() // an end of the sender's is one for the receiver
	}
}

// abort resets both ends.
func (p *pipe) abort() {
	reset(p.client)
	reset(p.server)
	p.change(func() { p.dead = true })
}

// apply puts the pipe into another state.
func (p *pipe) apply(s State) { p.change(func() { p.state = s }) }

// silence drops everything from now on.
func (p *pipe) silence() { p.change(func() { p.quiet = true }) }

// change changes the state, which follow sees soon.
func (p *pipe) change(how func()) {
	p.mu.Lock()
	how()
	p.version++
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default: // it is going to look
	}
}
