package plain

import (
	"bufio"
	"io"
	"net"
	"time"

	library "github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/websocket"
)

// frame lays a text message out as a server sends it.
func frame(text []byte) []byte {
	h := websocket.Header{Opcode: websocket.Text, Final: true, Length: uint64(len(text))}
	return append(h.Append(make([]byte, 0, h.Size()+len(text))), text...)
}

var upgrader = library.FastHTTPUpgrader{
	ReadBufferSize: 2 << 10, WriteBufferSize: 512,
	// Pages of any origin may connect: it is a benchmark without anything to protect.
	CheckOrigin: func(*fasthttp.RequestCtx) bool { return true },
}

func (h *Hub) websocket(ctx *fasthttp.RequestCtx) {
	if h.full() {
		tooMany(ctx)
		return
	}
	done := ctx.Done()
	err := upgrader.Upgrade(ctx, func(c *library.Conn) {
		c.SetReadLimit(int64(h.limits.Message))
		p := h.join(true)
		if p == nil { // others were faster
			return
		}
		written := make(chan struct{})
		raw := c.NetConn()
		go func() {
			defer close(written)
			p.write(raw, done, func(m *message) []byte { return m.frame })
			// Ends the reader too: a hijacked connection is closed by its handler's return alone.
			_ = raw.SetReadDeadline(time.Now())
		}()
		var text []byte
		for {
			kind, r, err := c.NextReader()
			if err != nil || kind != library.TextMessage {
				break
			}
			if text, err = readAll(text[:0], r); err != nil || h.receive(p, text) != nil {
				break
			}
		}
		h.leave(p)
		<-written
	})
	if err != nil && ctx.Response.StatusCode() == fasthttp.StatusOK {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
	}
}

func readAll(dst []byte, r io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// writeTime is how long the network may take what is written.
const writeTime = 10 * time.Second

// write empties the peer's queue into a connection until the session, the server or the connection
// ends. Queued messages go out together.
func (p *peer) write(c net.Conn, done <-chan struct{}, form func(*message) []byte) {
	defer p.hub.leave(p)
	w := bufio.NewWriterSize(c, 16<<10)
	for {
		var m *message
		select {
		case m = <-p.queue:
		case <-p.gone:
			return
		case <-done:
			return
		}
		_ = c.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := w.Write(form(m)); err != nil {
			return
		}
		if len(p.queue) == 0 && w.Flush() != nil {
			return
		}
	}
}
