package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/budget"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

const (
	// readBuffer is kept for each connection, so it is small: most messages
	// that clients send are shorter, and longer ones take more reads.
	readBuffer = 512
	// joined bounds the bytes that a flusher copies together for one write.
	joined = 64 << 10
	// goodbyeTime is how long the closing handshake may take, and farewell how
	// long its first half may block.
	goodbyeTime = 2 * time.Second
	farewell    = 50 * time.Millisecond
)

// writeBuffers are for what the library writes itself: control and compressed
// frames.
var writeBuffers sync.Pool

// messages are buffers for inbound messages, taken when a message begins and
// given back when it has been handled, so that an idle connection keeps none.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keptMessage bounds the buffers that go back to the pool.
const keptMessage = 64 << 10

func newBuffer() *bytes.Buffer { return messages.Get().(*bytes.Buffer) }

// freeBuffer gives a buffer back, if there is one.
func freeBuffer(b **bytes.Buffer) {
	if *b != nil && (*b).Cap() <= keptMessage {
		(*b).Reset()
		messages.Put(*b)
	}
	*b = nil
}

// chunked is the length of a body that comes in chunks.
const chunked = -1

func (e *Engine) serveWebSocket(ctx *fasthttp.RequestCtx, q query, s *session.Session) {
	fresh := s == nil
	h := &ctx.Request.Header
	// Beside "upgrade" the HTTP server would do both; and a body would be taken for frames.
	if length := h.ContentLength(); h.ConnectionClose() || length > 0 || length == chunked {
		e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Context: "TRANSPORT_HANDSHAKE_ERROR"}, true)
		return
	}
	var above session.Handler
	if fresh {
		if s, above = e.create(ctx, q.websocket()); s == nil {
			e.refuse(ctx, stopping, true)
			return
		}
	}
	e.live.Add(1)
	if !fresh {
		s.Coming()
	}
	lost := func() {
		e.live.Done()
		if fresh {
			s.Open(above, nil, nil)
			s.Close(session.TransportError)
		} else {
			s.NotComing()
		}
	}
	var way *handoff
	form, upgrader := q.websocket(), &e.upgrader
	if e.cfg.Deflate && offersDeflate(ctx) {
		form, upgrader = form|frame.Deflated, &e.deflater
		// The library would look for its own favourite among several offers.
		ctx.Request.Header.Set("Sec-WebSocket-Extensions", deflateName)
	}
	polled := e.poller.takes(ctx)
	err := upgrader.Upgrade(ctx, func(ws *websocket.Conn) {
		if !way.arrived() {
			_ = ws.Close()
			return
		}
		defer e.live.Done()
		c := newConn(ws, form, &e.cfg)
		if fresh {
			e.begin(s, above, c, frame.Packet(e.handshake(s, "websocket")))
			c.read(s)
		} else if s.Probe(c) {
			e.upgrade(c, s)
		} else {
			// A second upgrade at once, or of a session that did not begin with
			// polling, is accepted and then hung up on; the session is not
			// touched. (The official server lets the latter take it over.)
			c.Goodbye()
		}
	})
	if err != nil {
		lost()
		return
	}
	way = e.expect(lost)
	if polled {
		// In place of the library's own, which would make a connection of its
		// own, with its buffers, and keep this goroutine until the end.
		ctx.Hijack(func(nc net.Conn) {
			if !way.arrived() {
				_ = nc.Close()
				return
			}
			e.poller.serve(e, nc, form, s, above)
		})
	}
}

// upgrade answers the probe of c, and makes it the session's connection when
// the client says so.
func (e *Engine) upgrade(c *conn, s *session.Session) {
	defer s.ProbeLost(c)
	timeout := time.AfterFunc(e.cfg.UpgradeTimeout, c.Interrupt)
	defer timeout.Stop()
	for {
		p, free, err := c.next()
		if err != nil {
			return
		}
		kind, probe := p.Type, string(p.Data) == "probe"
		free()
		switch {
		case kind == engineio.Ping && probe:
			if c.Write(probeAnswer.Alone(), 0) != nil {
				return
			}
			s.Probed(c)
		case kind == engineio.Upgrade:
			if !timeout.Stop() || !s.Upgraded(c) {
				return
			}
			e.upgraded()
			c.read(s)
			return
		default:
			c.Goodbye() // only this connection: polling goes on
			return
		}
	}
}

var probeAnswer = frame.Packet(engineio.Packet{Type: engineio.Pong, Data: []byte("probe")})

// conn is a websocket as a session sees it.
type conn struct {
	ws   *websocket.Conn
	net  net.Conn   // under the library's and fasthttp's wrappers
	raw  *rawWriter // nil: writes go through a flusher
	form frame.Form
	late *time.Timer // cuts a message off that takes too long; runs while one comes
	in   meter

	messageTime time.Duration
	limit       int           // of a message in bytes
	written     atomic.Uint64 // bytes, by Write
}

// meter reads a message and takes what it holds from a budget.
type meter struct {
	from   io.Reader
	budget *budget.Budget
	held   int
}

// Read implements io.Reader.
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	if n > 0 {
		if !m.budget.Take(n) {
			return 0, errNoRoom
		}
		m.held += n
	}
	return n, err
}

// release gives back what has been taken.
func (m *meter) release() {
	m.budget.Give(m.held)
	m.from, m.held = nil, 0
}

func newConn(ws *websocket.Conn, form frame.Form, cfg *Config) *conn {
	c := &conn{ws: ws, net: ws.NetConn(), form: form, limit: cfg.MaxPayload}
	if w, ok := c.net.(interface{ UnsafeConn() net.Conn }); ok {
		c.net = w.UnsafeConn()
	}
	if raw := rawConn(c.net); raw != nil {
		c.raw = newRawWriter(raw)
	}
	ws.SetReadLimit(int64(cfg.MaxPayload))
	c.in.budget = cfg.Partial
	c.late = time.AfterFunc(cfg.MessageTimeout, c.Interrupt)
	c.late.Stop()
	c.messageTime = cfg.MessageTimeout
	return c
}

// read carries what the client sends to s until either ends, and returns when
// nobody uses the connection any more.
func (c *conn) read(s *session.Session) {
	// The library answers a ping at once, which might put the answer into the
	// middle of a message that the kernel has taken only a part of.
	c.ws.SetPingHandler(func(data string) error {
		s.Send(frame.Control(websocket.PongMessage, []byte(data)))
		return nil
	})
	for {
		p, free, err := c.next()
		if err != nil {
			s.Close(reasonOf(err))
			break
		}
		err = s.Receive(p)
		free()
		if err != nil {
			break // the session ends, and knows why
		}
	}
	c.drain()
	s.Close(session.TransportClose)
	s.WaitWriters()
	<-s.Done()
}

// drain reads on, discarding, until the peer has answered the closing handshake
// or its time is over. Closing a connection with unread bytes would reset it,
// and the peer would lose what was sent to it last.
func (c *conn) drain() {
	for {
		if _, _, err := c.ws.NextReader(); err != nil {
			return
		}
	}
}

func nothing() {}

// next reads a message and splits its packet, which is valid until free is
// called.
func (c *conn) next() (p engineio.Packet, free func(), err error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return p, nothing, err
	}
	buf := newBuffer()
	free = func() { freeBuffer(&buf) }
	// The library's own limit is on what comes, before it is inflated.
	c.in.from = io.LimitReader(r, int64(c.limit)+1)
	c.late.Reset(c.messageTime)
	n, err := buf.ReadFrom(&c.in)
	c.late.Stop()
	c.in.release()
	if err != nil || n > int64(c.limit) {
		free()
		if err == nil {
			c.farewell(websocket.CloseMessageTooBig)
			err = errTooBig
		}
		return p, nothing, err
	}
	binary := kind == websocket.BinaryMessage
	if !binary && !utf8.Valid(buf.Bytes()) {
		free()
		c.farewell(websocket.CloseInvalidFramePayloadData)
		return p, nothing, errInvalidUTF8
	}
	p, err = parse(c.form, buf.Bytes(), binary)
	if err != nil {
		free()
		return p, nothing, errParse{err}
	}
	return p, free, nil
}

// parse decodes the packet that is a websocket message.
func parse(form frame.Form, data []byte, binary bool) (engineio.Packet, error) {
	three := form&frame.Revision3 != 0
	switch {
	case binary && three:
		return engineio.ParseBinaryV3(data)
	case binary:
		return engineio.Packet{Type: engineio.Message, Binary: true, Data: data}, nil
	case three:
		return engineio.ParseV3(data)
	}
	return engineio.Parse(data)
}

var errInvalidUTF8 = errors.New("text message is not UTF-8")

type errParse struct{ error }

func reasonOf(err error) session.Reason {
	var parse errParse
	var closed *websocket.CloseError
	var network net.Error
	switch {
	case errors.As(err, &parse):
		return session.ParseError
	case errors.As(err, &closed), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return session.TransportClose
	}
	return session.TransportError // over the limit, or not what a websocket sends
}

// TryWrite implements session.Conn.
func (c *conn) TryWrite(b []byte) (int, error) {
	if c.raw == nil {
		return 0, nil
	}
	return c.raw.tryWrite(b)
}

// Write implements session.Conn.
func (c *conn) Write(frames []*frame.Frame, skip int) error {
	return writeJoined(c.writeAll, c.form, frames, skip)
}

// writeAll writes long messages in pieces, so that Progress sees them go.
func (c *conn) writeAll(b []byte) error {
	for len(b) > 0 {
		n, err := c.net.Write(b[:min(len(b), joined)])
		c.written.Add(uint64(n))
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Progress implements session.Conn.
func (c *conn) Progress() uint64 {
	n := c.written.Load()
	if raw := watchable(c.net); raw != nil {
		_ = raw.Control(func(fd uintptr) { n += acknowledged(fd) }) // an error: it is closed
	}
	return n
}

// Form implements session.Conn.
func (c *conn) Form() frame.Form { return c.form }

// writeJoined writes frames without the first skip bytes, several at once.
func writeJoined(write func([]byte) error, form frame.Form, frames []*frame.Frame, skip int) error {
	if len(frames) == 1 {
		return write(frames[0].In(form)[skip:])
	}
	buf := newBuffer()
	defer freeBuffer(&buf)
	for i, f := range frames {
		buf.Write(f.In(form)[skip:])
		skip = 0
		if i == len(frames)-1 || buf.Len()+len(frames[i+1].In(form)) > joined {
			if err := write(buf.Bytes()); err != nil {
				return err
			}
			buf.Reset()
		}
	}
	return nil
}

// Goodbye implements session.Conn: a close frame without a code, as the
// official server sends.
func (c *conn) Goodbye() {
	c.farewell(websocket.CloseNoStatusReceived)
	_ = c.net.SetReadDeadline(time.Now().Add(goodbyeTime))
}

func (c *conn) farewell(code int) {
	data := websocket.FormatCloseMessage(code, "")
	// An error means that the peer cannot be told any more.
	_ = c.ws.WriteControl(websocket.CloseMessage, data, time.Now().Add(farewell))
}

// Interrupt implements session.Conn.
func (c *conn) Interrupt() { _ = c.net.SetDeadline(past) }
