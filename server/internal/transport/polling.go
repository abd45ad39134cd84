package transport

import (
	"bytes"
	"errors"
	"net"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/body"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// stopping refuses sessions while the server shuts down.
var stopping = &Refusal{Code: engineio.Forbidden, Message: "server shutting down"}

func (e *Engine) openPolling(ctx *fasthttp.RequestCtx, q query) {
	form := q.polling()
	s, h := e.create(ctx, form)
	if s == nil {
		e.refuse(ctx, stopping, false)
		return
	}
	if e.cfg.Cookie != "" {
		ctx.Response.Header.Add(fasthttp.HeaderSetCookie, e.cfg.Cookie+"="+s.ID+e.cfg.CookieAttributes)
	}
	e.answer(ctx, form, q, frame.Packet(e.handshake(s, true)).Alone())
	e.begin(s, h, nil, nil)
}

func (e *Engine) servePolling(ctx *fasthttp.RequestCtx, q query, s *session.Session, serveConn func(net.Conn)) {
	switch string(ctx.Method()) {
	case fasthttp.MethodGet:
		e.poll(ctx, q, s, serveConn)
	case fasthttp.MethodPost:
		e.post(ctx, s)
	default:
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
	}
}

func textAnswer(ctx *fasthttp.RequestCtx, contentType string) {
	ctx.Response.Header.SetContentType(contentType)
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	if agent := ctx.UserAgent(); bytes.Contains(agent, []byte(";MSIE")) || bytes.Contains(agent, []byte("Trident/")) {
		// Its filter took what a client sent, and got back, for an attack.
		ctx.Response.Header.Set("X-XSS-Protection", "0")
	}
}

// poll answers a GET: with what is queued, or else with what comes first.
func (e *Engine) poll(ctx *fasthttp.RequestCtx, q query, s *session.Session, serveConn func(net.Conn)) {
	form := s.Form() // before an upgrade changes it
	frames, held, err := e.poller.hold(e, ctx, s, form, serveConn)
	switch {
	case held:
	case err != nil:
		e.failed(ctx, err)
	default:
		e.answer(ctx, form, q, frames)
	}
}

// answer gives the frames to a poll.
func (e *Engine) answer(ctx *fasthttp.RequestCtx, form frame.Form, q query, frames []*frame.Frame) {
	buf := newBuffer()
	defer freeBuffer(&buf)
	body, binary := frame.Body(buf.AvailableBuffer(), form, frames)
	switch {
	case binary:
		textAnswer(ctx, octetStream)
	case form&frame.JSONP != 0:
		// Not what a script is, but what browsers run as one, and never show as a page.
		textAnswer(ctx, textBody)
		body = engineio.AppendJSONP(nil, q.jsonp, body)
	default:
		textAnswer(ctx, textBody)
	}
	if e.compresses(body, frames) {
		if coding := coding(ctx.Request.Header.Peek(fasthttp.HeaderAcceptEncoding)); coding != "" {
			ctx.Response.Header.Set(fasthttp.HeaderContentEncoding, coding)
			body = compress(coding, body)
		}
	}
	ctx.Response.SetBody(body)
}

// The types of a body: binary ones have revision 3.
const (
	textBody    = "text/plain; charset=UTF-8"
	octetStream = "application/octet-stream"
)

// failed answers a request that its session did not take: an empty 400.
func (e *Engine) failed(ctx *fasthttp.RequestCtx, err error) {
	switch {
	case errors.Is(err, session.ErrClosed):
		e.refuse(ctx, &Refusal{Code: engineio.UnknownSID}, false)
		return
	case errors.Is(err, session.ErrUpgraded):
		e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Context: "TRANSPORT_MISMATCH"}, false)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusBadRequest)
}

// post takes the packets of a POST, in order, and then answers "ok".
func (e *Engine) post(ctx *fasthttp.RequestCtx, s *session.Session) {
	if err := s.StartPost(); err != nil {
		e.failed(ctx, err)
		return
	}
	defer s.FinishPost()
	form := s.Form()
	binary := string(ctx.Request.Header.ContentType()) == octetStream
	// A binary body is what revision 3 has. It must be answered, not only refused: CVE-2026-59725
	// is a server that forgot to.
	if binary && form&frame.Revision3 == 0 {
		s.PollingBroke()
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	body, err := body.Read(ctx, e.cfg.MaxPayload, e.cfg.Partial)
	if err != nil {
		s.Refuse() // for a large body as well, as engine.io 6.6.12 does
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			ctx.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
		}
		ctx.SetConnectionClose() // the rest of the body is not read
		return
	}
	switch { // while the body came: nothing of it is delivered
	case s.Ended():
		e.failed(ctx, session.ErrClosed)
		return
	case s.Transport() != session.Polling:
		e.failed(ctx, session.ErrUpgraded)
		return
	}
	if form&frame.JSONP != 0 {
		if body, err = engineio.ParseJSONP(body); err != nil {
			s.Close(session.ParseError)
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			return
		}
	}
	if err := e.receivePayload(s, payload(form, body, binary)); err != nil {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	textAnswer(ctx, "text/html")
	ctx.Response.SetBodyString("ok")
}

// packets reads the packets of a body, of either revision.
type packets interface {
	Next() bool
	Packet() engineio.Packet
	Err() error
}

func payload(form frame.Form, body []byte, binary bool) packets {
	if form&frame.Revision3 != 0 {
		p := engineio.NewPayloadV3(body, binary)
		return &p
	}
	p := engineio.NewPayload(body)
	return &p
}

// closeGrace is how long a client's close packet waits for the poll that the client has sent before
// it.
const closeGrace = 20 * time.Millisecond

var (
	errTooManyPackets = errors.New("too many packets in one payload")
	errText           = errors.New("text that is not UTF-8")
)

// isText reports whether a packet is what it says: text is UTF-8. Applications pass messages on,
// and a client to which other text is sent on a websocket must fail its connection (RFC 6455,
// section 8.1): one client could end the connections of all others.
func isText(p engineio.Packet) bool { return p.Binary || utf8.Valid(p.Data) }

// receivePayload passes the packets of a body to the session. Packets before a malformed one are
// delivered; the malformed one closes the session and is the error. A packet that the session's
// handler refuses closes the session as well, but is no error of the post.
func (e *Engine) receivePayload(s *session.Session, p packets) error {
	for n := 0; p.Next(); n++ {
		if n == e.cfg.MaxPackets {
			s.Close(session.ParseError)
			return errTooManyPackets
		}
		packet := p.Packet()
		if !isText(packet) {
			s.Close(session.ParseError)
			return errText
		}
		if packet.Type == engineio.Close {
			s.AwaitPoll(closeGrace)
		}
		if s.Receive(packet) != nil {
			return nil
		}
	}
	if err := p.Err(); err != nil {
		s.Close(session.ParseError)
		return err
	}
	return nil
}
