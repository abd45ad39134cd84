package plain

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/body"
)

// chunk lays a message out as one server-sent event in one chunk of HTTP.
func chunk(text []byte) []byte {
	const head, tail = "data: ", "\n\n"
	b := strconv.AppendInt(nil, int64(len(head)+len(text)+len(tail)), 16)
	b = append(b, "\r\n"+head...)
	b = append(b, text...)
	return append(b, tail+"\r\n"...)
}

// events is the downward half of a session on server-sent events. The connection is taken over from
// the HTTP server, which would hold what it is given back.
func (h *Hub) events(ctx *fasthttp.RequestCtx) {
	done := ctx.Done()
	p := h.join(true)
	if p == nil {
		tooMany(ctx)
		return
	}
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		written := make(chan struct{})
		_ = c.SetDeadline(time.Time{})
		head := append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"), chunk([]byte(p.id))...)
		if _, err := c.Write(head); err != nil {
			h.leave(p)
			return
		}
		go func() {
			defer close(written)
			p.write(c, done, func(m *message) []byte { return m.event })
			_ = c.SetReadDeadline(time.Now()) // ends the reader
		}()
		var one [1]byte
		_, _ = c.Read(one[:]) // a client has nothing to say here: only its end comes
		h.leave(p)
		<-written
	})
}

// session returns the session that the request names; without one the request is answered.
func (h *Hub) session(ctx *fasthttp.RequestCtx) *peer {
	p := h.find(ctx.QueryArgs().Peek("sid"))
	if p == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		ctx.SetBodyString("no such session\n")
	}
	return p
}

// post takes the messages of a body.
func (h *Hub) post(ctx *fasthttp.RequestCtx) {
	p := h.session(ctx)
	if p == nil {
		return
	}
	rest, err := h.body(ctx)
	if err != nil {
		h.leave(p)
		return
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if len(line) == 0 {
			continue
		}
		if err := h.receive(p, line); err != nil {
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			ctx.SetBodyString(err.Error() + "\n")
			h.leave(p)
			return
		}
	}
}

// body reads the body of a request up to the limit; with an error the request is answered.
func (h *Hub) body(ctx *fasthttp.RequestCtx) ([]byte, error) {
	all, err := body.Read(ctx, h.limits.Message, nil)
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		ctx.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
	case err != nil:
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
	default:
		return all, nil
	}
	ctx.SetConnectionClose() // the rest of the body is not read
	return nil, err
}

// poll is short polling.
func (h *Hub) poll(ctx *fasthttp.RequestCtx) {
	if len(ctx.QueryArgs().Peek("sid")) == 0 {
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		return
	}
	p := h.session(ctx)
	if p == nil {
		return
	}
	p.mu.Lock()
	body := p.buffer
	p.buffer, p.asked = nil, time.Now()
	p.mu.Unlock()
	ctx.Response.Header.SetContentType("application/x-ndjson")
	ctx.Response.SetBodyRaw(body)
}
