// Package body reads the bodies of HTTP requests.
package body

import (
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/budget"
)

var errBudget = errors.New("incomplete messages of all clients exceed MaxPartial")

// Read returns the body of a request: fasthttp.ErrBodyTooLarge if it has more than limit bytes, and
// io.ErrUnexpectedEOF if it is shorter than announced. While it comes, its bytes are taken from a
// budget, which may be nil. Where the HTTP server streams bodies nothing beyond the limit is kept;
// where it does not, its own limit counts as well. After an error the rest of the body may not have
// been read: the connection must be closed. The body is valid until the request is over.
func Read(ctx *fasthttp.RequestCtx, limit int, b *budget.Budget) (body []byte, err error) {
	announced := ctx.Request.Header.ContentLength() // below 0: not announced
	if announced > limit {
		return nil, fasthttp.ErrBodyTooLarge // it may not have been read at all
	}
	if ctx.Request.IsBodyStream() {
		in := reader{from: io.LimitReader(ctx.RequestBodyStream(), int64(limit)+1), budget: b}
		defer in.release()
		body, err = io.ReadAll(&in)
	} else {
		body = ctx.Request.Body()
	}
	switch {
	case err != nil:
		return nil, err
	case len(body) > limit:
		return nil, fasthttp.ErrBodyTooLarge
	case len(body) < announced:
		return nil, io.ErrUnexpectedEOF // which the library takes for the end of the body
	}
	return body, ctx.Request.CloseBodyStream() // it has been read to its end
}

// reader takes from a budget what it reads.
type reader struct {
	from   io.Reader
	budget *budget.Budget
	held   int
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if n > 0 {
		if !r.budget.Take(n) {
			return 0, errBudget
		}
		r.held += n
	}
	return n, err
}

// release gives back what has been taken.
func (r *reader) release() { r.budget.Give(r.held) }
