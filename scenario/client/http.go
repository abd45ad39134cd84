package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// The part of HTTP/1.1 that a polling client and a websocket handshake need:
// requests with a known length, answers with a length, in chunks or until the
// connection ends. No compression is asked for.

const (
	maxHead    = 64 << 10 // bytes of the head of an answer
	maxInterim = 10       // answers of status 1xx before the real one
)

// response is one HTTP answer. Its slices are valid until the reader's next fill.
type response struct {
	status    int
	fields    []byte // header lines
	body      []byte
	close     bool          // the server ends the connection after it
	keepAlive time.Duration // how long the server keeps the connection idle; 0 = not said
}

// httpError is an answer that breaks HTTP, or is beyond a limit.
type httpError string

func (e httpError) Error() string { return "http: " + string(e) }

// errNoAnswer wraps the end of a connection before the first byte of an answer.
var errNoAnswer = errors.New("http: connection ended before the answer")

// anyStatus as what readResponse wants takes the body of every answer as a whole.
const anyStatus = 0

// readResponse reads one answer with at most limit bytes of body. Of an answer with another status
// than the one that is wanted it reads the beginning of the body only, as readPage does. Nothing is
// consumed before the answer is complete, so that a read that was interrupted by a deadline can be
// taken up again.
func readResponse(rd *reader, limit, want int) (response, error) {
	for range maxInterim {
		head, err := readHead(rd)
		if err != nil {
			return response{}, err
		}
		res, length, err := parseHead(rd.unread()[:head])
		switch {
		case res.status == 0:
			return res, err
		case res.status/100 == 1 && res.status != 101:
			rd.consume(head) // an interim answer: the real one follows
			continue
		case want != anyStatus && res.status != want:
			return readPage(rd, res, head, length), nil
		case err != nil:
			return res, err
		}
		whole, err := readBody(rd, res, head, length, limit)
		if _, long := errors.AsType[*LimitError](err); !long {
			return whole, err
		}
		// a web page in the place of an answer says more than its length
		res.fields = fieldsOf(rd.unread()[:head]) // the buffer may have moved
		if bytes.HasPrefix(res.field("Content-Type"), []byte("text/html")) {
			if page := readPage(rd, res, head, length); isPage(page.body) {
				return page, nil
			}
		}
		return whole, err
	}
	return response{}, httpError("the server sent only interim answers (1xx)")
}

// readBody reads the body that belongs to a head of that many bytes.
func readBody(rd *reader, res response, head, length, limit int) (response, error) {
	var (
		total int
		err   error
	)
	switch {
	case res.bodiless():
		total = head
	case length == chunked:
		var n int
		total, n, err = readChunks(rd, head, limit)
		if err == nil {
			res.body = rd.unread()[head : head+n]
		}
	case length == untilClose:
		total, err = readToEnd(rd, head, limit)
		if err == nil {
			res.body, res.close = rd.unread()[head:total], true
		}
	case length > limit:
		err = &LimitError{What: "answer", Limit: limit}
	default:
		total = head + length
		if err = need(rd, total); err == nil {
			res.body = rd.unread()[head:total]
		}
	}
	if err != nil {
		return res, err
	}
	res.fields = fieldsOf(rd.unread()[:head]) // the buffer may have moved since
	rd.consume(total)
	return res, nil
}

// bodiless reports whether an answer of that status has no body, whatever its head says (RFC 9112,
// section 6.3).
func (r *response) bodiless() bool { return r.status == 101 || r.status == 204 || r.status == 304 }

// need fills until n bytes are unread.
func need(rd *reader, n int) error {
	for len(rd.unread()) < n {
		if err := rd.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// readHead fills until the head of an answer is there, and returns its length.
func readHead(rd *reader) (int, error) {
	seen := 0
	for {
		b := rd.unread()
		from := max(0, seen-3)
		if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
			return from + i + 4, nil
		}
		if len(b) > maxHead {
			return 0, httpError(fmt.Sprintf("head above %d bytes", maxHead))
		}
		if len(b) >= 5 && !bytes.HasPrefix(b, []byte("HTTP/")) {
			return 0, httpError(fmt.Sprintf("the answer is not HTTP: %q", b[:min(len(b), 32)]))
		}
		seen = len(b)
		if err := rd.fill(); err != nil {
			if seen == 0 {
				return 0, fmt.Errorf("%w: %w", errNoAnswer, err)
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

// The lengths of a body that has none.
const (
	untilClose = -1
	chunked    = -2
)

// parseHead decodes the status line and the fields that decide about the body. The status is 0
// where the error is about the status line.
func parseHead(head []byte) (res response, length int, err error) {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	// "HTTP/1.x NNN reason"
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return res, 0, httpError(fmt.Sprintf("bad status line %q", line[:min(len(line), 64)]))
	}
	status, ok := number(line[9:12], 10)
	if !ok || status < 100 {
		return res, 0, httpError(fmt.Sprintf("bad status line %q", line[:min(len(line), 64)]))
	}
	res.status, res.fields = status, fieldsOf(head)
	res.close = res.has("Connection", "close") || line[7] == '0' && !res.has("Connection", "keep-alive")
	res.keepAlive = keepAliveOf(res.field("Keep-Alive"))
	if coding := res.field("Transfer-Encoding"); len(coding) > 0 {
		if !bytes.EqualFold(coding, []byte("chunked")) {
			return res, 0, httpError(fmt.Sprintf("transfer coding %q was not asked for", coding))
		}
		return res, chunked, nil
	}
	if coding := res.field("Content-Encoding"); len(coding) > 0 && !bytes.EqualFold(coding, []byte("identity")) {
		return res, 0, httpError(fmt.Sprintf("content coding %q was not asked for", coding))
	}
	text := res.field("Content-Length")
	if text == nil {
		return res, untilClose, nil
	}
	n, ok := number(text, 10)
	if !ok {
		return res, 0, httpError(fmt.Sprintf("bad Content-Length %q", text))
	}
	return res, n, nil
}

// fieldsOf cuts the status line off a head.
func fieldsOf(head []byte) []byte {
	_, fields, _ := bytes.Cut(head, []byte("\r\n"))
	return fields
}

// field returns the value of the first header field of that name, nil if there
// is none.
func (r *response) field(name string) []byte {
	for value := range fieldsNamed(r.fields, name) {
		return value
	}
	return nil
}

// fieldsNamed yields the values of the header fields of that name.
func fieldsNamed(fields []byte, name string) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for rest := fields; len(rest) > 0; {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
			if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
				continue
			}
			if !yield(bytes.Trim(line[len(name)+1:], " \t")) {
				return
			}
		}
	}
}

// has reports whether one of the header fields of that name has a token in its list: a list may be
// spread over several fields (RFC 9110, section 5.3).
func (r *response) has(name, token string) bool {
	for list := range fieldsNamed(r.fields, name) {
		if hasToken(list, token) {
			return true
		}
	}
	return false
}

// hasToken reports whether the comma-separated list holds token, in any case.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var part []byte
		part, list, _ = bytes.Cut(list, []byte(","))
		if bytes.EqualFold(bytes.TrimSpace(part), []byte(token)) {
			return true
		}
	}
	return false
}

// keepAliveOf reads "timeout=5, max=100".
func keepAliveOf(value []byte) time.Duration {
	for len(value) > 0 {
		var part []byte
		part, value, _ = bytes.Cut(value, []byte(","))
		if text, ok := bytes.CutPrefix(bytes.TrimSpace(part), []byte("timeout=")); ok {
			if s, ok := number(text, 10); ok {
				return time.Duration(s) * time.Second
			}
		}
	}
	return 0
}

// number decodes an unsigned number of at most 31 bits in base 10 or 16,
// without the string that strconv would want.
func number(b []byte, base int) (n int, ok bool) {
	for _, c := range b {
		digit := 99
		switch {
		case '0' <= c && c <= '9':
			digit = int(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			digit = int(c|0x20-'a') + 10
		}
		if digit >= base || n > (math.MaxInt32-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, len(b) > 0
}

// readToEnd reads a body that ends with the connection.
func readToEnd(rd *reader, head, limit int) (total int, err error) {
	for err == nil {
		if len(rd.unread())-head > limit {
			return 0, &LimitError{What: "answer", Limit: limit}
		}
		err = rd.fill()
	}
	if errors.Is(err, io.EOF) {
		return len(rd.unread()), nil
	}
	return 0, err
}
