package transport

import (
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// Refusal is why a request is answered with an error code.
type Refusal struct {
	Code    engineio.ErrorCode
	Message string // instead of the text of the code; else empty
	Context string // the name that the official server has for a particular cause; else empty
}

// query is what the engine reads of a request's query string.
type query struct {
	transport, sid string
	jsonp          string     // the number of the script's callback
	form           frame.Form // what the client says that it takes
}

// parseQuery takes the last of duplicate parameters, as the official server does.
func parseQuery(ctx *fasthttp.RequestCtx) query {
	q := query{form: frame.Revision3}
	for key, value := range ctx.QueryArgs().All() {
		switch string(key) {
		case "EIO":
			q.form |= frame.Revision3 // any value, or none: Engine.IO protocol v4, "HTTP long-polling"
			if string(value) == "4" {
				q.form &^= frame.Revision3
			}
		case "transport":
			q.transport = string(value)
		case "sid":
			q.sid = string(value)
		case "b64":
			q.set(frame.Base64, len(value) > 0)
		case "j":
			q.jsonp = string(value)
			q.set(frame.JSONP, len(value) > 0)
		}
	}
	return q
}

func (q *query) set(form frame.Form, on bool) {
	if q.form &^= form; on {
		q.form |= form
	}
}

// polling is the form of the answers to polls. Scripts are text.
func (q *query) polling() frame.Form {
	if q.form&frame.JSONP != 0 {
		return q.form | frame.Base64
	}
	return q.form
}

// websocket is the form of the messages on a websocket.
func (q *query) websocket() frame.Form { return q.form &^ frame.JSONP }

// verify applies the checks of the official server's verify in their order. It returns the session
// that the request belongs to, or nil for a handshake.
func (e *Engine) verify(ctx *fasthttp.RequestCtx, q query, upgrade bool) (*session.Session, *Refusal) {
	known := q.transport == "polling" && e.cfg.Polling || q.transport == "websocket" && e.cfg.WebSocket
	if !known {
		return nil, &Refusal{Code: engineio.UnknownTransport}
	}
	if q.form&frame.JSONP != 0 && !e.cfg.JSONP {
		return nil, &Refusal{Code: engineio.BadRequest, Message: "JSONP is not allowed"}
	}
	if !printable(ctx.Request.Header.Peek(fasthttp.HeaderOrigin)) {
		return nil, &Refusal{Code: engineio.BadRequest, Context: "INVALID_ORIGIN"}
	}
	if q.sid != "" {
		s := e.lookup(q.sid)
		switch {
		case s == nil:
			return nil, &Refusal{Code: engineio.UnknownSID}
		case !upgrade && s.Transport() != q.transport, upgrade && q.transport != "websocket":
			return nil, &Refusal{Code: engineio.BadRequest, Context: "TRANSPORT_MISMATCH"}
		case (s.Form()^q.form)&frame.Revision3 != 0: // GHSA-2gc4-cqfq-p2gv
			return nil, &Refusal{Code: engineio.BadRequest, Context: "PROTOCOL_MISMATCH"}
		}
		return s, nil
	}
	switch {
	case !ctx.IsGet():
		return nil, &Refusal{Code: engineio.BadHandshakeMethod}
	case (q.transport == "websocket") != upgrade:
		return nil, &Refusal{Code: engineio.BadRequest, Context: "TRANSPORT_HANDSHAKE_ERROR"}
	}
	if e.cfg.Allow != nil {
		if message, ok := e.cfg.Allow(ctx); !ok {
			return nil, &Refusal{Code: engineio.Forbidden, Message: message}
		}
	}
	if q.form&frame.Revision3 != 0 && !e.cfg.Revision3 {
		return nil, &Refusal{Code: engineio.UnsupportedProtocol}
	}
	return nil, nil
}

// refuse answers with an error code: as JSON, or, for a websocket, as the plain text that the
// official server writes before it hangs up.
func (e *Engine) refuse(ctx *fasthttp.RequestCtx, why *Refusal, upgrade bool) {
	if e.cfg.Refused != nil {
		e.cfg.Refused(ctx, why)
	}
	code, message := why.Code, why.Message
	if upgrade {
		if message == "" {
			message = code.String()
		}
		ctx.Response.Header.Reset()
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		ctx.SetContentType("text/html")
		ctx.SetConnectionClose()
		ctx.SetBodyString(message)
		return
	}
	ctx.SetStatusCode(code.Status())
	ctx.SetContentType("application/json")
	ctx.Response.SetBody(code.AppendJSON(nil, message))
}
