package transport

import (
	"bytes"
	"slices"

	"github.com/valyala/fasthttp"
)

// pollRequest is what the polls of a client look like: what comes before and after the value of the
// parameter t. Without that all is before it.
type pollRequest struct{ before, after []byte }

// maxNumber bounds the value of t.
const maxNumber = 64

// requestOf returns the request that has been parsed into h, as it was sent.
func requestOf(h *fasthttp.RequestHeader) pollRequest {
	target := h.RequestURI()
	raw := slices.Concat([]byte("GET "), target, []byte(" HTTP/1.1\r\n"), h.RawHeaders())
	end := len("GET ") + len(target)
	for _, name := range []string{"?t=", "&t="} {
		at := bytes.Index(raw[:end], []byte(name))
		if at < 0 {
			continue
		}
		at += len(name)
		to := end
		if more := bytes.IndexByte(raw[at:end], '&'); more >= 0 {
			to = at + more
		}
		return pollRequest{raw[:at:at], raw[to:]}
	}
	return pollRequest{before: raw}
}

// matches reports whether b is one such request, whole and alone.
func (r *pollRequest) matches(b []byte) bool {
	if !bytes.HasPrefix(b, r.before) {
		return false
	}
	b = b[len(r.before):]
	number := len(b) - len(r.after)
	if number < 0 || number > maxNumber || len(r.after) == 0 && number > 0 || !bytes.Equal(b[number:], r.after) {
		return false
	}
	for _, c := range b[:number] {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// bytes returns such a request.
func (r *pollRequest) bytes() []byte { return slices.Concat(r.before, r.after) }

// headOf returns the lines of a head that are the same for all answers.
func headOf(h *fasthttp.ResponseHeader) []byte {
	var head []byte
	for line := range bytes.Lines(h.AppendBytes(nil)) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case fasthttp.HeaderDate, fasthttp.HeaderContentLength, fasthttp.HeaderContentEncoding, "\r\n":
		default:
			head = append(head, line...)
		}
	}
	return slices.Clip(head)
}
