package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/session"
)

// bidi is the one bidirectional stream of a client of WebTransport. The goroutine of its request
// reads it.
type bidi struct {
	carrier
	conn    *quic.Conn
	whole   *webtransport.Session
	stream  *webtransport.Stream
	written atomic.Uint64 // bytes, by WriteAll

	arrival *arrival
	request *fasthttp.RequestCtx // until the client has said what it wants
}

// errGreeting reports a client that does not begin as one has to.
var errGreeting = errors.New("the first packet is no open packet")

// serve carries what the client wants until its end.
func (c *bidi) serve() {
	own := make([]byte, readBuffer)
	for {
		buf := own
		if rest := c.rest(); rest != nil { // read behind it: consume need not copy
			rest.Grow(bytes.MinRead)
			buf = rest.AvailableBuffer()
			buf = buf[:cap(buf)]
		}
		n, err := c.stream.Read(buf)
		if n > 0 {
			if err := c.consume(buf[:n]); err != nil {
				c.hangUp(session.ParseError)
				c.stage = discarding
				c.drop()
			}
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// end is called when the stream cannot be read any further.
func (c *bidi) end(err error) {
	c.over()
	if c.session != nil {
		if cause := context.Cause(c.conn.Context()); cause != nil {
			err = cause // of which the library may have made an error of its own
		}
		c.session.Close(reasonOf(err))
	}
	c.arrival.leave()
	c.release()
}

// reasonOf tells an end that the client wanted from others.
func reasonOf(err error) session.Reason {
	_, closed := errors.AsType[*webtransport.SessionError](err)
	if a, ok := errors.AsType[*quic.ApplicationError](err); ok {
		closed = a.ErrorCode == 0 || a.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError)
	}
	if closed || errors.Is(err, io.EOF) {
		return session.TransportClose
	}
	return session.TransportError
}

// next implements link.
func (c *bidi) next(b []byte) (int, error) {
	p, n, err := engineio.ParseFrame(b, c.engine.cfg.MaxPayload)
	if n == 0 || err != nil {
		return 0, err
	}
	c.behind(n < len(b))
	if c.in != nil {
		c.in.whole = true
	}
	switch {
	case c.stage >= draining:
	case c.stage == greeting:
		return n, c.greet(p)
	default:
		c.packet(p)
	}
	return n, nil
}

// greet takes the first packet, which opens a session or says which one to upgrade.
func (c *bidi) greet(p engineio.Packet) error {
	ctx := c.request
	c.request, c.stage = nil, draining
	var wanted struct{ SID string }
	switch {
	case !c.arrival.leave():
		return nil // too late
	case p.Type != engineio.Open:
		return errGreeting
	case len(p.Data) == 0:
		c.create(ctx)
		return nil
	case json.Unmarshal(p.Data, &wanted) != nil:
		return errGreeting
	}
	s := c.engine.lookup(wanted.SID)
	if s == nil {
		c.refuse(ctx, &Refusal{Code: engineio.UnknownSID})
		return nil
	}
	if s.Revision() != 4 {
		c.refuse(ctx, &Refusal{Code: engineio.BadRequest, Context: "PROTOCOL_MISMATCH"})
		return nil
	}
	s.Coming()
	c.session = s
	c.begin(nil)
	return nil
}

// create opens a session, unless it is refused.
func (c *bidi) create(ctx *fasthttp.RequestCtx) {
	defer c.arrival.to.asks.Vacate(ctx)
	if allow := c.engine.cfg.Allow; allow != nil {
		if message, ok := allow(ctx); !ok {
			c.refuse(ctx, &Refusal{Code: engineio.Forbidden, Message: message})
			return
		}
	}
	s, h := c.engine.create(ctx, c.form)
	if s == nil {
		c.refuse(ctx, stopping)
		return
	}
	c.session = s
	c.begin(h)
}

// refuse ends the connection with an error code of Engine.IO.
func (c *bidi) refuse(ctx *fasthttp.RequestCtx, why *Refusal) {
	if c.engine.cfg.Refused != nil {
		c.engine.cfg.Refused(ctx, why)
	}
	message := why.Message
	if message == "" {
		message = why.Code.String()
	}
	c.close(firstRefusal+webtransport.SessionErrorCode(why.Code), message)
}

// firstRefusal is added to the error codes of Engine.IO, as 0 is the ordinary end.
const firstRefusal = 1

// TryWrite implements session.Conn.
func (c *bidi) TryWrite([]byte) (int, error) { return 0, nil }

// piece is how many bytes are written at once, so that Progress sees long messages go.
const piece = 16 << 10

// WriteAll implements link.
func (c *bidi) WriteAll(b []byte) error {
	for len(b) > 0 {
		n, err := c.stream.Write(b[:min(len(b), piece)])
		c.written.Add(uint64(n))
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// tell implements link.
func (c *bidi) tell(b []byte) bool {
	_ = c.stream.SetWriteDeadline(time.Now().Add(farewell))
	err := c.WriteAll(b)
	_ = c.stream.SetWriteDeadline(time.Time{})
	return err == nil
}

// Progress implements session.Conn. A write returns when what it wrote has left for the peer, as
// far as the peer has room for it.
func (c *bidi) Progress() uint64 { return c.written.Load() }

// Unread implements session.Conn: what has come and was not read cannot be seen.
func (c *bidi) Unread() bool { return true }

// Goodbye implements session.Conn. Clients read the end of a session as the end of everything, also
// of what they have not read yet. So it follows the rest with a little delay.
func (c *bidi) Goodbye() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said {
		return
	}
	c.said = true
	_ = c.stream.Close() // an error: it is closed
	c.cut = time.AfterFunc(c.settle(), func() { c.close(0, "") })
}

// settle is how long it takes until the peer has what was sent, as far as is known.
func (c *bidi) settle() time.Duration {
	rtt := c.conn.ConnectionStats().SmoothedRTT
	return min(goodbyeTime, 3*rtt+ackDelay)
}

// ackDelay is how long a peer may keep an acknowledgement back (RFC 9000, section 18.2).
const ackDelay = 25 * time.Millisecond

// close ends the session of WebTransport. The client closes the connection then.
func (c *bidi) close(code webtransport.SessionErrorCode, message string) {
	_ = c.whole.CloseWithError(code, message)
}

// Cut implements link.
func (c *bidi) Cut() { cutQUIC(c.conn) }

// Close implements link.
func (c *bidi) Close() {
	c.close(0, "")
	late := time.NewTimer(goodbyeTime)
	defer late.Stop()
	select {
	case <-c.conn.Context().Done():
	case <-late.C:
		c.Cut()
	}
}

// cutQUIC closes a QUIC connection.
func cutQUIC(conn *quic.Conn) {
	_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
