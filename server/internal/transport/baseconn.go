package transport

import (
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// link is the connection under a baseConn. As a session.Conn it is the whole of both: what it does
// not implement itself is the embedded baseConn's.
type link interface {
	session.Conn
	// next handles the frame at the beginning of b, after a call of baseConn.setUnhandled, and
	// returns its size: 0 if it has not come whole. After an error the rest of the stream cannot be
	// read.
	next(b []byte) (n int, err error)
	// WriteAll writes b and may block. Cut ends it.
	WriteAll(b []byte) error
	// writeControl writes the few bytes of a control frame, or of the answer to a probe, while
	// nothing else is being written, and blocks for a moment at most. It returns false if not all
	// of b could be written.
	writeControl(b []byte) bool
	// Cut ends the connection in both directions: the reader finds its end.
	Cut()
	// Close gives the connection back. Nobody uses it any more.
	Close()
}

// stage is how far a baseConn's life has got.
type stage uint8

const (
	awaitingOpen stage = iota // no packet has said yet which session is wanted; WebTransport only
	probing                   // belongs to no session yet: an upgrade
	open                      // carries its session
	draining                  // awaits the peer's answer to the closing handshake
	discarding                // awaits the end of the stream: what comes makes no sense
	ended
)

// baseConn is what a websocket and a stream of WebTransport have in common: the bytes that come, in
// any pieces (inbound.go), the packets that they make, and the upgrade of a session to it.
//
// All fields that mu does not guard belong to the reader. While nothing comes, a baseConn is this
// struct and nothing else.
type baseConn struct {
	link    link
	engine  *Engine
	session *session.Session // nil: an upgrade that was refused
	timeout *time.Timer      // of the upgrade
	in      *partial         // nil as long as all messages have come whole
	stage   stage
	form    frame.Form

	// mu guards session as well, for others than the reader.
	mu           sync.Mutex
	peerLeft     bool          // PeerLeft has been called
	closeSent    bool          // Goodbye has been called
	more         bool          // there are bytes behind the message that is being handled
	cut          *time.Timer   // ends the wait for the peer's answer
	closeWritten chan struct{} // closed when a goodbye that had to wait for room is over; nil: none had to
}

// begin makes c the connection of a new session, which has a handler, or of an upgrade. head, which
// may be nil, goes out before the first packet of a new session.
func (c *baseConn) begin(h session.Handler, head []byte) {
	e, s := c.engine, c.session
	switch {
	case h != nil:
		c.stage = open
		e.begin(s, h, c.link, frame.Behind(head, e.handshake(s, false)))
		c.carries()
	case s.Probe(c.link):
		c.stage = probing
		c.timeout = time.AfterFunc(e.cfg.UpgradeTimeout, c.link.Cut)
	default:
		// A second upgrade at once, or of a session that did not begin with polling, is accepted
		// and then closed; the session is not touched. (The official server lets the latter take it
		// over.)
		c.setSession(nil)
		c.stage = draining
		c.link.Goodbye()
	}
}

// setSession makes c carry s, or none.
func (c *baseConn) setSession(s *session.Session) {
	c.mu.Lock()
	c.session = s
	c.mu.Unlock()
}

// PeerLeft tells the session that its client has left, while the reader may be behind that.
func (c *baseConn) PeerLeft() {
	c.mu.Lock()
	c.peerLeft = true
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.PeerLeft(c.link)
	}
}

// carries is called when c carries its session from now on. PeerLeft may have come before.
func (c *baseConn) carries() {
	c.mu.Lock()
	left := c.peerLeft
	c.mu.Unlock()
	if left {
		c.session.PeerLeft(c.link)
	}
}

// writeUpgrade writes the few bytes of an answer to an upgrade's packets. A peer without room for
// them is cut off.
func (c *baseConn) writeUpgrade(f *frame.Frame) {
	if !c.link.writeControl(f.In(c.form)) {
		c.link.Cut()
	}
}

// packet handles a packet.
func (c *baseConn) packet(p engineio.Packet) {
	if c.stage == probing {
		c.upgrade(p)
		return
	}
	if c.session.Receive(p) != nil {
		c.stage = draining // the session has ended, and has said goodbye if it could
	}
}

var probeAnswer = frame.Packet(engineio.Packet{Type: engineio.Pong, Data: []byte("probe")})

// upgrade answers the probe of a polling session, and makes c the session's connection when the
// client says so.
func (c *baseConn) upgrade(p engineio.Packet) {
	switch {
	case p.Type == engineio.Ping && string(p.Data) == "probe":
		c.writeUpgrade(probeAnswer)
		c.session.Probed(c.link)
	case p.Type == engineio.Upgrade:
		if c.timeout.Stop() && c.session.Upgraded(c.link) {
			c.timeout, c.stage = nil, open
			c.carries()
			c.engine.upgraded()
			return
		}
		c.abandonUpgrade()
		c.link.Cut()
	default:
		c.hangUp("") // only this connection: polling goes on
	}
}

// abandonUpgrade ends an upgrade: the session goes on polling.
func (c *baseConn) abandonUpgrade() {
	c.timeout.Stop()
	c.session.ProbeLost(c.link)
	c.setSession(nil)
	c.timeout, c.stage = nil, draining
}

// hangUp ends the session, or the upgrade, and says goodbye.
func (c *baseConn) hangUp(why session.Reason) {
	if c.stage == probing {
		c.abandonUpgrade()
		c.link.Goodbye()
		return
	}
	if c.session != nil {
		c.session.Close(why)
	} else {
		c.link.Goodbye()
	}
	c.stage = max(c.stage, draining)
}

// endOfStream is called at the end of the stream.
func (c *baseConn) endOfStream() {
	if c.stage == probing {
		c.abandonUpgrade()
	}
	c.stage = ended
	c.drop()
}

// release waits until the connection is unused, and gives it back.
func (c *baseConn) release() {
	if c.session != nil {
		c.session.Close(session.TransportClose)
		c.session.WaitWriters()
		<-c.session.Done()
	}
	c.mu.Lock()
	cut, closeWritten := c.cut, c.closeWritten
	c.mu.Unlock()
	if closeWritten != nil {
		<-closeWritten
	}
	if cut != nil {
		cut.Stop()
	}
	c.link.Close()
	c.engine.live.Done()
}

// Form implements session.Conn.
func (c *baseConn) Form() frame.Form { return c.form }

// joined bounds the bytes that a flusher copies together for one write.
const joined = 64 << 10

// Write implements session.Conn: it writes several frames at once.
func (c *baseConn) Write(frames []*frame.Frame, skip int) error {
	if len(frames) == 1 {
		return c.link.WriteAll(frames[0].In(c.form)[skip:])
	}
	buf := newBuffer()
	defer freeBuffer(&buf)
	for i, f := range frames {
		buf.Write(f.In(c.form)[skip:])
		skip = 0
		if i == len(frames)-1 || buf.Len()+len(frames[i+1].In(c.form)) > joined {
			if err := c.link.WriteAll(buf.Bytes()); err != nil {
				return err
			}
			buf.Reset()
		}
	}
	return nil
}

// Interrupt implements session.Conn.
func (c *baseConn) Interrupt() { c.link.Cut() }
