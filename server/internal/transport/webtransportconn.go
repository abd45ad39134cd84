package transport

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/session"
)

// webTransportConn is a session of WebTransport and its one stream, which the goroutine of the
// request reads.
//
// The sessions of the library webtransport-go are not used: their streams cannot be written without
// blocking, so that each message would cost the wake of one more goroutine; and they forget what
// came before the end of the session, with which a client says that it leaves a namespace.
type webTransportConn struct {
	baseConn
	conn        *quic.Conn
	request     *http3.Stream // whose end is the session's
	stream      *quic.Stream
	pendingConn *pendingConn
	requestCtx  *fasthttp.RequestCtx // nil once the client has sent its first packet

	written atomic.Uint64 // bytes, by WriteAll
	sent    uint64        // bytes of the connection, at the last TryWrite
	unsent  int           // bytes of TryWrite that were not sent then, as far as is known
	closing sync.Once
	watched chan struct{} // closed when the request's stream has ended
	left    bool          // by the client; to be read when watched is closed
}

// Codes and types of WebTransport over HTTP/3.
const (
	streamFrame   = 0x41       // begins a bidirectional stream
	streamType    = 0x54       // begins a unidirectional one
	closeCapsule  = 0x2843     // ends a session
	sessionGone   = 0x170d7b68 // resets a stream whose session has ended
	notOfOurs     = 0x3994bd84 // resets a stream that belongs to no session
	maxGoodbyeLen = 1024       // bytes of the text in a close capsule
)

// errFirstPacket reports a client whose first packet is not an open packet.
var errFirstPacket = errors.New("the first packet is no open packet")

// serve serves the session that the client asks for until its end.
func (c *webTransportConn) serve() {
	go c.watch()
	own := make([]byte, readBuffer)
	for {
		buf := c.readSpace(own)
		n, err := c.stream.Read(buf)
		if n > 0 {
			c.take(buf[:n])
		}
		if err != nil {
			c.endOfStream()
			if c.session != nil {
				c.session.Close(c.reason(err))
			}
			c.pendingConn.finish()
			c.release()
			return
		}
	}
}

// take handles bytes of the stream, which ends the session if they make no sense.
func (c *webTransportConn) take(b []byte) {
	if err := c.consume(b); err != nil {
		c.hangUp(session.ParseError)
		c.stage = discarding
		c.drop()
	}
}

// watch waits for the end of the session. What came before is still read, if it comes soon.
func (c *webTransportConn) watch() {
	defer close(c.watched)
	capsules := http3.NewCapsuleParser(c.request)
	for {
		kind, body, err := capsules.Next()
		if err == nil && kind != closeCapsule {
			err = body.Discard()
		}
		if err != nil || kind == closeCapsule {
			c.left = err == nil || errors.Is(err, io.EOF)
			break
		}
	}
	c.PeerLeft()
	_ = c.stream.SetReadDeadline(time.Now().Add(shortWrite)) // an error: it is closed
}

// reason tells an end that the client wanted from others. err is of the stream.
func (c *webTransportConn) reason(err error) session.Reason {
	soon := time.NewTimer(shortWrite)
	defer soon.Stop()
	select {
	case <-c.watched:
		if c.left {
			return session.TransportClose
		}
	case <-soon.C:
	}
	if cause := context.Cause(c.conn.Context()); cause != nil {
		err = cause
	}
	closed := errors.Is(err, io.EOF)
	if s, ok := errors.AsType[*quic.StreamError](err); ok {
		closed = s.ErrorCode == sessionGone
	}
	if a, ok := errors.AsType[*quic.ApplicationError](err); ok {
		closed = a.ErrorCode == 0 || a.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError)
	}
	if closed {
		return session.TransportClose
	}
	return session.TransportError
}

// next implements link.
func (c *webTransportConn) next(b []byte) (int, error) {
	p, n, err := engineio.ParseFrame(b, c.engine.cfg.MaxPayload)
	if n == 0 || err != nil {
		return 0, err
	}
	if !isText(p) {
		return 0, errText
	}
	c.setUnhandled(n < len(b))
	if c.in != nil {
		c.in.whole = true
	}
	switch {
	case c.stage >= draining:
	case c.stage == awaitingOpen:
		return n, c.firstPacket(p)
	default:
		c.packet(p)
	}
	return n, nil
}

// firstPacket takes the first packet, which opens a session or says which one to upgrade.
func (c *webTransportConn) firstPacket(p engineio.Packet) error {
	ctx := c.requestCtx
	c.requestCtx, c.stage = nil, draining
	var wanted struct{ SID string }
	switch {
	case !c.pendingConn.finish():
		return nil // too late
	case p.Type != engineio.Open || p.Binary:
		return errFirstPacket
	case len(p.Data) == 0:
		c.create(ctx)
		return nil
	case json.Unmarshal(p.Data, &wanted) != nil:
		return errFirstPacket
	}
	s := c.engine.lookup(wanted.SID)
	switch {
	case s == nil:
		c.refuse(ctx, &Refusal{Code: engineio.UnknownSID})
	case s.Revision() != 4:
		c.refuse(ctx, &Refusal{Code: engineio.BadRequest, Context: "PROTOCOL_MISMATCH"})
	default:
		s.UpgradeBegins()
		c.setSession(s)
		c.begin(nil, nil)
	}
	return nil
}

// create opens a session, unless it is refused.
func (c *webTransportConn) create(ctx *fasthttp.RequestCtx) {
	defer c.pendingConn.to.admission.Release(ctx)
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
	c.setSession(s)
	c.begin(h, nil)
}

// refuse ends the session of WebTransport with an error code of Engine.IO.
func (c *webTransportConn) refuse(ctx *fasthttp.RequestCtx, why *Refusal) {
	if c.engine.cfg.Refused != nil {
		c.engine.cfg.Refused(ctx, why)
	}
	message := why.Message
	if message == "" {
		message = why.Code.String()
	}
	c.close(firstRefusal+uint32(why.Code), message)
}

// firstRefusal is added to the error codes of Engine.IO, as 0 is the ordinary end.
const firstRefusal = 1

// maxUnsent is how many bytes may wait for the connection's goroutine to send them. What the client
// does not take must wait in the outbox, whose bounds count it.
const maxUnsent = 4 << 10

// TryWrite implements session.Conn. What it writes is sent by the connection's goroutine; it cannot
// be known whether that is at work or has to wait for the client. So all that the connection sends
// counts as what was written here.
func (c *webTransportConn) TryWrite(b []byte) (int, error) {
	sent := c.conn.ConnectionStats().BytesSent
	c.unsent = max(0, c.unsent-int(sent-c.sent))
	c.sent = sent
	if c.unsent+len(b) > maxUnsent {
		return 0, nil
	}
	switch err := c.stream.TryWriteAll(b); {
	case errors.Is(err, quic.ErrWouldBlock):
		return 0, nil
	case err != nil:
		c.lost()
	}
	c.unsent += len(b)
	return len(b), nil
}

// piece is how many bytes are written at once, so that Progress sees long messages go.
const piece = 16 << 10

// WriteAll implements link.
func (c *webTransportConn) WriteAll(b []byte) error {
	for len(b) > 0 {
		n, err := c.stream.Write(b[:min(len(b), piece)])
		c.written.Add(uint64(n))
		if err != nil {
			c.lost()
			return nil
		}
		b = b[n:]
	}
	return nil
}

// lost is called when the client takes nothing any more. The reader finds its end, and knows why
// it has left, unless it only does not want to read.
func (c *webTransportConn) lost() { time.AfterFunc(2*shortWrite, c.Cut) }

// writeControl implements link.
func (c *webTransportConn) writeControl(b []byte) bool { return c.stream.TryWriteAll(b) == nil }

// Progress implements session.Conn. A write returns when what it wrote has been sent, which flow
// control allows as far as the client reads.
func (c *webTransportConn) Progress() uint64 { return c.written.Load() }

// Unread implements session.Conn: what has come and was not read cannot be seen.
func (c *webTransportConn) Unread() bool { return true }

// Goodbye implements session.Conn. Clients take the end of a session for the end of everything,
// also of what they have not read yet. So it follows the rest with a little delay.
func (c *webTransportConn) Goodbye() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent {
		return
	}
	c.closeSent = true
	_ = c.stream.Close() // an error: it is closed
	c.cut = time.AfterFunc(c.closeDelay(), func() { c.close(0, "") })
}

// closeDelay is how long it takes until the client has what was sent, as far as is known.
func (c *webTransportConn) closeDelay() time.Duration {
	return min(goodbyeTime, 3*c.conn.ConnectionStats().SmoothedRTT+ackDelay)
}

// ackDelay is how long a client may keep an acknowledgement back (RFC 9000, section 18.2).
const ackDelay = 25 * time.Millisecond

// close ends the session of WebTransport. The client closes the connection then.
func (c *webTransportConn) close(code uint32, message string) {
	c.closing.Do(func() {
		message = message[:min(len(message), maxGoodbyeLen)]
		b := quicvarint.Append(nil, closeCapsule)
		b = quicvarint.Append(b, uint64(4+len(message)))
		b = append(binary.BigEndian.AppendUint32(b, code), message...)
		_ = c.request.TryWriteAll(b) // an error: the client gets the end without the reason
		_ = c.request.Close()
		_ = c.stream.Close()
		c.stream.CancelRead(sessionGone)
	})
}

// Cut implements link.
func (c *webTransportConn) Cut() { cutQUIC(c.conn) }

// Close implements link.
func (c *webTransportConn) Close() {
	c.close(0, "")
	late := time.NewTimer(goodbyeTime)
	defer late.Stop()
	select {
	case <-c.conn.Context().Done():
	case <-late.C:
		c.Cut()
	}
	<-c.watched
}

// cutQUIC closes a QUIC connection.
func cutQUIC(conn *quic.Conn) {
	_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
