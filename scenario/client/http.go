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
	maxHead      = 64 << 10 // bytes of the head of an answer
	maxChunkLine = 4 << 10  // bytes of a chunk's size line, or of a trailer line
	maxInterim   = 10       // answers of status 1xx before the real one
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

// readResponse reads one answer with at most limit bytes of body. Nothing is
// consumed before the answer is complete, so that a read that was interrupted
// by a deadline can be taken up again.
func readResponse(rd *reader, limit int) (response, error) {
	for range maxInterim {
		head, err := readHead(rd)
		if err != nil {
			return response{}, err
		}
		res, length, err := parseHead(rd.unread()[:head])
		if err != nil {
			return res, err
		}
		if res.status/100 != 1 || res.status == 101 {
			return readBody(rd, res, head, length, limit)
		}
		rd.consume(head) // an interim answer: the real one follows
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
	case res.status == 101 || res.status == 204 || res.status == 304:
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

// parseHead decodes the status line and the fields that decide about the body.
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
	connection := res.field("Connection")
	res.close = hasToken(connection, "close") || line[7] == '0' && !hasToken(connection, "keep-alive")
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

// readChunks reads a chunked body that begins at offset head of the unread
// bytes, then moves the chunks together. It returns where the answer ends and
// how long the body is.
func readChunks(rd *reader, head, limit int) (total, length int, err error) {
	type span struct{ from, to int }
	var spans []span
	at := head
	for {
		line, next, err := chunkLine(rd, at)
		if err != nil {
			return 0, 0, err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, ok := number(bytes.TrimSpace(size), 16)
		if !ok {
			return 0, 0, httpError(fmt.Sprintf("bad chunk size %q", line[:min(len(line), 32)]))
		}
		if at = next; n == 0 {
			break
		}
		if length += n; length > limit {
			return 0, 0, &LimitError{What: "answer", Limit: limit}
		}
		if err := need(rd, at+n+2); err != nil {
			return 0, 0, err
		}
		spans = append(spans, span{at, at + n})
		at += n
		if b := rd.unread(); b[at] != '\r' || b[at+1] != '\n' {
			return 0, 0, httpError("chunk without its end")
		}
		at += 2
	}
	for { // trailers, until the empty line
		line, next, err := chunkLine(rd, at)
		if err != nil {
			return 0, 0, err
		}
		if at = next; len(line) == 0 {
			break
		}
		if at-head > length+maxHead+len(spans)*maxChunkLine {
			return 0, 0, httpError("trailers without end")
		}
	}
	b, to := rd.unread(), head
	for _, s := range spans {
		to += copy(b[to:], b[s.from:s.to])
	}
	return at, length, nil
}

// chunkLine returns the line at offset at and where the next one begins.
func chunkLine(rd *reader, at int) (line []byte, next int, err error) {
	for {
		b := rd.unread()
		if i := bytes.Index(b[at:], []byte("\r\n")); i >= 0 {
			return b[at : at+i], at + i + 2, nil
		}
		if len(b)-at > maxChunkLine {
			return nil, 0, httpError("chunk line without end")
		}
		if err := need(rd, len(b)+1); err != nil {
			return nil, 0, err
		}
	}
}
