package transport

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// Limits of a connection that is closed before its client has sent the whole request.
const (
	lingerWrite = 10 * time.Second // for the answer to leave
	lingerRead  = time.Second      // for the client to stop sending
	lingerBytes = 16 << 20         // read and dropped in that time
)

// CloseAfter closes the connection behind the answer in ctx, which must be complete, although the
// client may still be sending. Closing it at once would reset it, and a reset overtakes the answer;
// so the server stops writing first and reads on for a second. It replaces the HTTP server's own
// writing of the answer.
func (e *Engine) CloseAfter(ctx *fasthttp.RequestCtx) {
	ctx.SetConnectionClose()
	if ctx.Response.IsBodyStream() || ctx.Hijacked() || !e.enter() {
		return
	}
	ctx.Response.SkipBody = ctx.IsHead()
	var answer bytes.Buffer
	w := bufio.NewWriter(&answer)
	_ = ctx.Response.Write(w) // into memory: it does not fail
	_ = w.Flush()
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		defer e.live.Done()
		_ = c.SetWriteDeadline(time.Now().Add(lingerWrite))
		if _, err := c.Write(answer.Bytes()); err != nil {
			return
		}
		if half, ok := unwrap(c).(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_ = c.SetReadDeadline(time.Now().Add(lingerRead))
		_, _ = io.CopyN(io.Discard, c, lingerBytes)
	})
}

// enter counts a connection that Stop must wait for. It returns false when the engine has stopped.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return false
	}
	e.live.Add(1)
	return true
}
