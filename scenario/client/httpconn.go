package client

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// httpConn is one HTTP/1.1 connection that is kept alive between requests.
type httpConn struct {
	conn      *conn
	cookies   *cookieField
	rd        *reader
	idle      time.Duration // when the last answer came
	keepAlive time.Duration // how long the server said it waits for the next request; 0 = not said
	close     bool          // the server ends the connection after its last answer
}

func newHTTPConn(link *conn, t *target) *httpConn {
	return &httpConn{conn: link, rd: newReader(link), cookies: &t.cookies}
}

func (h *httpConn) write(request []byte) error {
	_, err := h.conn.Write(request)
	return err
}

// answer reads one answer and insists on a status, unless any will do.
func (h *httpConn) answer(limit, want int) (response, error) {
	res, err := readResponse(h.rd, limit, want)
	if err != nil {
		return res, err
	}
	h.idle, h.keepAlive, h.close = h.rd.at, res.keepAlive, res.close
	h.cookies.take(res.fields)
	if want != anyStatus && res.status != want {
		return res, newStatusError(res)
	}
	return res, nil
}

// usable reports whether the idle connection can take another request. A
// connection that the server is about to close, or has closed, would lose the
// request, and sending a POST twice may deliver it twice.
func (h *httpConn) usable() bool {
	if h == nil || h.close {
		return false
	}
	if h.keepAlive > 0 && Now()-h.idle > h.keepAlive-min(time.Second, h.keepAlive/2) {
		return false
	}
	n, err := h.rd.fillNow()
	h.rd.park()
	return n == 0 && err == nil && len(h.rd.unread()) == 0
}

// transact makes one exchange over the second connection. A server may close that while it is idle,
// and the request may leave at that moment, or any time later where the end cannot be seen before
// (TLS). So a request is made once more, on a new connection, if the connection had answered
// another before and was closed without a byte of an answer, as browsers do whatever the method.
// One that was reset is not: the server may have taken the request.
func (p *polling) transact(request []byte, within time.Duration, want int) (response, error) {
	reused := p.post.usable()
	res, err := p.transactOnce(request, reused, within, want)
	if !reused || !wasClosed(err) || p.ctx.Err() != nil {
		return res, err
	}
	again, failed := p.transactOnce(request, false, within, want)
	if _, answered := errors.AsType[*statusError](failed); failed == nil || answered {
		return again, failed
	}
	return res, err // which says how the session was lost
}

// wasClosed reports whether an exchange failed since the server had closed the connection, or did
// so instead of answering.
func wasClosed(err error) bool {
	return errors.Is(err, errNoAnswer) && errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE)
}

// transactOnce is transact on the connection that there is, or on a new one.
func (p *polling) transactOnce(request []byte, reuse bool, within time.Duration, want int) (res response, err error) {
	if !reuse {
		if p.post != nil {
			_ = p.post.conn.hardClose()
		}
		if p.post, err = p.connect(p.ctx, sideSlot); err != nil {
			return res, err
		}
	}
	h := p.post
	defer func() { h.close = h.close || err != nil }()
	if err = h.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return res, err
	}
	if err = p.ctx.Err(); err != nil { // what ends the session has set a deadline before this one
		return res, err
	}
	if err = h.write(request); err != nil {
		return res, err
	}
	return h.answer(p.limit, want)
}
