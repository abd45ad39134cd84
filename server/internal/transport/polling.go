package transport

import (
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

func (e *Engine) openPolling(ctx *fasthttp.RequestCtx) {
	s, h := e.create(ctx)
	if s == nil {
		e.refuse(ctx, engineio.Forbidden, "server shutting down", false)
		return
	}
	if e.cfg.Cookie != "" {
		ctx.Response.Header.Add(fasthttp.HeaderSetCookie, e.cfg.Cookie+"="+s.ID+"; Path=/; HttpOnly; SameSite=Lax")
	}
	textAnswer(ctx, "text/plain; charset=UTF-8")
	ctx.Response.SetBody(e.handshake(s, "polling").AppendText(nil))
	e.begin(s, h, nil, nil)
}

func (e *Engine) servePolling(ctx *fasthttp.RequestCtx, s *session.Session) {
	switch string(ctx.Method()) {
	case fasthttp.MethodGet:
		e.poll(ctx, s)
	case fasthttp.MethodPost:
		e.post(ctx, s)
	default:
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
	}
}

func textAnswer(ctx *fasthttp.RequestCtx, contentType string) {
	ctx.Response.Header.SetContentType(contentType)
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
}

// poll answers a GET: with what is queued, or else with what comes first.
func (e *Engine) poll(ctx *fasthttp.RequestCtx, s *session.Session) {
	w := watch(ctx.Conn())
	answer, err := s.StartPoll(w.wake)
	if err != nil {
		e.failed(ctx, err)
		return
	}
	if answer == nil {
		gone := w.wait()
		answer = s.FinishPoll(gone)
		w.end()
		if gone {
			ctx.SetConnectionClose()
		}
	}
	textAnswer(ctx, "text/plain; charset=UTF-8")
	appendPayload(ctx, answer)
}

func appendPayload(ctx *fasthttp.RequestCtx, frames []*frame.Frame) {
	separator := []byte{engineio.Separator}
	for i, f := range frames {
		if i > 0 {
			ctx.Response.AppendBody(separator)
		}
		ctx.Response.AppendBody(f.Payload())
	}
}

// failed answers a request that its session did not take: an empty 400.
func (e *Engine) failed(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, session.ErrClosed) {
		e.refuse(ctx, engineio.UnknownSID, "", false)
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
	// A binary body is what revision 3 had. It must be answered, not only
	// refused: CVE-2026-59725 is a server that forgot to.
	if string(ctx.Request.Header.ContentType()) == "application/octet-stream" {
		s.Close(session.TransportError)
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	body, err := e.body(ctx)
	if err != nil {
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			ctx.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
			ctx.SetConnectionClose() // the rest of the body is not read
			return
		}
		s.Close(session.TransportError)
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		ctx.SetConnectionClose()
		return
	}
	if err := e.receivePayload(s, body); err != nil {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	textAnswer(ctx, "text/html")
	ctx.Response.SetBodyString("ok")
}

// body reads the request's body up to the limit. Where the HTTP server streams
// bodies nothing beyond the limit is read; where it does not, its own limit
// counts as well.
func (e *Engine) body(ctx *fasthttp.RequestCtx) ([]byte, error) {
	if !ctx.Request.IsBodyStream() {
		body := ctx.Request.Body()
		if len(body) > e.cfg.MaxPayload {
			return nil, fasthttp.ErrBodyTooLarge
		}
		return body, nil
	}
	if ctx.Request.Header.ContentLength() > e.cfg.MaxPayload {
		return nil, fasthttp.ErrBodyTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(ctx.RequestBodyStream(), int64(e.cfg.MaxPayload)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > e.cfg.MaxPayload {
		return nil, fasthttp.ErrBodyTooLarge
	}
	return body, nil
}

var errTooManyPackets = errors.New("too many packets in one payload")

// receivePayload hands the packets of a body to the session. What precedes a
// bad packet has been delivered; the bad one closes the session. A packet that
// the layer above refuses closes it as well, but the post itself went well.
func (e *Engine) receivePayload(s *session.Session, body []byte) error {
	p := engineio.NewPayload(body)
	for n := 0; p.Next(); n++ {
		if n == e.cfg.MaxPackets {
			s.Close(session.ParseError)
			return errTooManyPackets
		}
		if s.Receive(p.Packet()) != nil {
			return nil
		}
	}
	if err := p.Err(); err != nil {
		s.Close(session.ParseError)
		return err
	}
	return nil
}
